//! The worker: claims jobs, runs them, keeps the timetable.
