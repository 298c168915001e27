//! The table: what was measured, its goal, and whether it was met.

/// One line that a goal is compared with.
pub struct Line {
    pub work: String,
    pub measured: String,
    pub goal: &'static str,
    pub is_met: bool,
}

/// Latencies of one query, sorted.
pub struct Latencies(Vec<f64>);

impl Latencies {
    pub fn of(mut milliseconds: Vec<f64>) -> Latencies {
        milliseconds.sort_by(f64::total_cmp);
        Latencies(milliseconds)
    }

    pub fn at(&self, part: f64) -> f64 {
        let last = self.0.len() - 1;
        self.0[((last as f64 * part).round() as usize).min(last)]
    }

    /// A query of a page: p50 up to 3 ms, p99 up to 10 ms.
    pub fn line(&self, work: &str) -> Line {
        let (p50, p99) = (self.at(0.5), self.at(0.99));
        Line {
            work: work.to_owned(),
            measured: format!("{p50:.2} / {p99:.2} ms"),
            goal: "<= 3 / 10 ms",
            is_met: p50 <= 3.0 && p99 <= 10.0,
        }
    }
}

/// Ours over theirs, each the median of its rounds.
pub fn ratio(work: &str, ours: &[f64], theirs: &[f64], unit: &str, least: f64, goal: &'static str) -> Line {
    let median = |rounds: &[f64]| Latencies::of(rounds.to_vec()).at(0.5);
    let (ours, theirs) = (median(ours), median(theirs));
    Line {
        work: work.to_owned(),
        measured: format!("{:.2} x ({ours:.0} against {theirs:.0} {unit})", ours / theirs),
        goal,
        is_met: ours / theirs >= least,
    }
}

/// Prints one line at once: a run takes minutes.
pub fn print(line: &Line) {
    let verdict = if line.is_met { "met" } else { "MISSED" };
    println!("  {:<54} {:>36}  {:<14} {verdict}", line.work, line.measured, line.goal);
}
