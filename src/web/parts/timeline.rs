//! How many certificates end on each day, drawn as bars: every day where there is room, every week on a phone. The same
//! figures go beside it as a table. Only bars that ask for an act are links.

use time::{Date, Duration};

use crate::web::phrases;

/// Days before today and after it that the wide form shows.
const PAST: i64 = 6;
const AHEAD: i64 = 90;
/// Weeks that the narrow form and the table show.
const WEEKS: i64 = 13;

/// The plot of the wide form inside its view box of 1100 by 214, and of the narrow one inside 340 by 190.
const WIDE: Plot = Plot { left: 34.0, right: 1092.0, top: 26.0, bottom: 188.0 };
const NARROW: Plot = Plot { left: 26.0, right: 340.0, top: 14.0, bottom: 166.0 };

struct Plot {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Plot {
    fn x(&self, at: i64, of: i64) -> f64 {
        self.left + at as f64 / of as f64 * (self.right - self.left)
    }

    fn y(&self, count: i64, top: i64) -> f64 {
        self.bottom - count as f64 / top as f64 * (self.bottom - self.top)
    }
}

/// A bar: where it stands, how tall it is, what it says.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Its left edge.
    pub x: String,
    /// Its upper edge.
    pub y: String,
    /// Its width.
    pub width: String,
    /// Its height.
    pub height: String,
    /// The urgency as its class: `crit`, `high`, `warn`, `later`.
    pub urgency: &'static str,
    /// `27 Nov 2026: 3 certificates`.
    pub label: String,
    /// The list it counts, when there is one.
    pub href: Option<String>,
}

/// A line with its number or date.
#[derive(Debug, Clone)]
pub struct Grid {
    /// Its place along its axis.
    pub at: String,
    /// What it stands for.
    pub label: String,
}

/// A tinted stretch behind the bars.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Its left edge.
    pub x: String,
    /// Its width.
    pub width: String,
    /// The urgency as its class.
    pub urgency: &'static str,
}

/// A week of the table.
#[derive(Debug, Clone)]
pub struct Week {
    /// Its first and last day.
    pub days: String,
    /// How many end in it.
    pub count: String,
}

/// Both forms of the chart.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// One bar a day.
    pub days: Vec<Bar>,
    /// Its horizontal lines.
    pub day_lines: Vec<Grid>,
    /// Its dates.
    pub dates: Vec<Grid>,
    /// The tints up to today, up to 7 days and up to 30 days.
    pub zones: [Zone; 3],
    /// The ends of 7, 14 and 30 days.
    pub limits: Vec<Grid>,
    /// Where today begins.
    pub today: String,
    /// One bar a week.
    pub weeks: Vec<Bar>,
    /// Its horizontal lines.
    pub week_lines: Vec<Grid>,
    /// The names of some of its weeks.
    pub week_names: Vec<Grid>,
    /// The weeks as a table.
    pub table: Vec<Week>,
}

impl Timeline {
    /// The chart around `today` from the number of ends on each day; days outside are left out. `href` gives the list of a
    /// day's certificates, where the list can be asked for one day.
    pub fn new(today: Date, ends: &[(Date, i64)], href: impl Fn(Date) -> Option<String>) -> Self {
        let on = |offset: i64| -> i64 {
            let day = after(today, offset);
            ends.iter().filter(|(date, _)| *date == day).map(|(_, count)| count).sum()
        };
        let weeks: Vec<i64> =
            (0..WEEKS).map(|week| first(week)..=last(week)).map(|days| days.map(on).sum()).collect();
        let day_top = nice_top((-PAST..=AHEAD).map(on).max().unwrap_or(0));
        let week_top = nice_top(weeks.iter().copied().max().unwrap_or(0));
        Self {
            days: days(today, day_top, on, href),
            day_lines: lines(&WIDE, day_top),
            dates: dates(today),
            zones: [zone(-PAST, 0, "crit"), zone(0, 8, "high"), zone(8, 31, "warn")],
            limits: [(8, "7 d"), (15, "14 d"), (31, "30 d")]
                .map(|(day, label)| grid(day_edge(day), label))
                .to_vec(),
            today: number(day_edge(0)),
            weeks: week_bars(today, week_top, &weeks),
            week_lines: lines(&NARROW, week_top),
            week_names: [0, 4, 8, 12]
                .map(|week| grid(NARROW.x(2 * week + 1, 2 * WEEKS), format!("wk {}", week + 1)))
                .to_vec(),
            table: (0..).zip(&weeks).map(|(week, count)| table_row(today, week, *count)).collect(),
        }
    }
}

fn after(today: Date, days: i64) -> Date {
    today.saturating_add(Duration::days(days))
}

fn first(week: i64) -> i64 {
    week * 7 + i64::from(week > 0)
}

fn last(week: i64) -> i64 {
    week * 7 + 7
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

fn grid(at: f64, label: impl Into<String>) -> Grid {
    Grid { at: number(at), label: label.into() }
}

fn zone(from: i64, to: i64, urgency: &'static str) -> Zone {
    let (left, right) = (day_edge(from), day_edge(to));
    Zone { x: number(left), width: number(right - left), urgency }
}

/// The left edge of a day in the wide form.
fn day_edge(offset: i64) -> f64 {
    WIDE.x(offset + PAST, PAST + AHEAD + 1)
}

fn days(today: Date, top: i64, on: impl Fn(i64) -> i64, href: impl Fn(Date) -> Option<String>) -> Vec<Bar> {
    let width = day_edge(1) - day_edge(0) - 2.4;
    let drawn = (-PAST..=AHEAD).map(|offset| (offset, on(offset))).filter(|(_, count)| *count > 0);
    drawn
        .map(|(offset, count)| {
            let day = after(today, offset);
            let href = if offset <= 30 { href(day) } else { None };
            let label =
                format!("{}: {}", phrases::day(day), phrases::counted(count, "certificate", "certificates"));
            bar(&WIDE, (day_edge(offset) + 1.2, width), (count, top), offset, label, href)
        })
        .collect()
}

fn week_bars(today: Date, top: i64, counts: &[i64]) -> Vec<Bar> {
    let width = NARROW.x(1, WEEKS) - NARROW.x(0, WEEKS) - 6.0;
    let drawn = (0..).zip(counts).filter(|(_, count)| **count > 0);
    drawn
        .map(|(week, count)| {
            let label =
                format!("{}: {}", span(today, week), phrases::counted(*count, "certificate", "certificates"));
            bar(&NARROW, (NARROW.x(week, WEEKS) + 3.0, width), (*count, top), last(week), label, None)
        })
        .collect()
}

fn bar(
    plot: &Plot,
    (x, width): (f64, f64),
    (count, top): (i64, i64),
    day: i64,
    label: String,
    href: Option<String>,
) -> Bar {
    let y = plot.y(count, top);
    let urgency = match day {
        ..0 => "crit",
        0..=7 => "high",
        8..=30 => "warn",
        _ => "later",
    };
    Bar {
        x: number(x),
        y: number(y),
        width: number(width),
        height: number(plot.bottom - y),
        urgency,
        label,
        href,
    }
}

fn dates(today: Date) -> Vec<Grid> {
    (1..=6)
        .map(|fortnight| grid(day_edge(fortnight * 14), phrases::short_day(after(today, fortnight * 14))))
        .collect()
}

fn span(today: Date, week: i64) -> String {
    format!(
        "{} to {}",
        phrases::short_day(after(today, first(week))),
        phrases::short_day(after(today, last(week)))
    )
}

fn table_row(today: Date, week: i64, count: i64) -> Week {
    Week { days: span(today, week), count: phrases::thousands(&count) }
}

/// Four lines above the base, at whole numbers.
fn lines(plot: &Plot, top: i64) -> Vec<Grid> {
    (1..=4)
        .map(|step| top / 4 * step)
        .map(|count| grid(plot.y(count, top), phrases::thousands(&count)))
        .collect()
}

/// The least of 4, 8, 20, 40, 80, 200, … that holds `most`: four lines at round numbers.
fn nice_top(most: i64) -> i64 {
    let steps = std::iter::successors(Some(1_i64), |scale| scale.checked_mul(10))
        .flat_map(|scale| [4_i64, 8, 20].map(|step| step.saturating_mul(scale)));
    steps.into_iter().find(|top| *top >= most).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    const TODAY: Date = date!(2026 - 11 - 20);

    fn timeline(ends: &[(Date, i64)]) -> Timeline {
        Timeline::new(TODAY, ends, |day| Some(format!("/certificates?on={day}")))
    }

    #[test]
    fn each_day_has_its_bar_and_each_week_its_sum() {
        let chart = timeline(&[
            (date!(2026 - 11 - 17), 1),
            (date!(2026 - 11 - 27), 5),
            (date!(2026 - 11 - 28), 2),
            (date!(2027 - 02 - 18), 3),
        ]);
        let urgencies: Vec<_> = chart.days.iter().map(|bar| bar.urgency).collect();
        assert_eq!(urgencies, ["crit", "high", "warn", "later"]);
        assert_eq!(chart.days[1].label, "27 Nov 2026: 5 certificates");
        assert!(
            chart.days[2].href.is_some() && chart.days[3].href.is_none(),
            "only what asks for an act is a link"
        );
        let sums: Vec<_> = chart.table.iter().map(|week| week.count.as_str()).collect();
        assert_eq!(sums, ["5", "2", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "3"]);
        assert_eq!(chart.table[1].days, "28 Nov to 4 Dec");
    }

    #[test]
    fn the_lines_stand_at_round_numbers_that_hold_every_bar() {
        for (most, top) in [(0, 4), (4, 4), (5, 8), (9, 20), (21, 40), (1_000_000, 2_000_000)] {
            assert_eq!(nice_top(most), top);
        }
        assert!(nice_top(i64::MAX) > 0);
        let chart = timeline(&[(TODAY, 1_000_000)]);
        assert_eq!(
            chart.day_lines.iter().map(|line| line.label.as_str()).collect::<Vec<_>>(),
            ["500,000", "1,000,000", "1,500,000", "2,000,000"]
        );
    }

    #[test]
    fn an_empty_inventory_and_the_last_day_of_time_are_drawn() {
        assert!(timeline(&[]).days.is_empty());
        assert_eq!(Timeline::new(Date::MAX, &[(Date::MAX, 1)], |_| None).table.len(), 13);
    }
}
