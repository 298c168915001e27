//! Every part of the design, drawn once with what hurts: 253-character names, markup, unseen characters, absurd dates.

use askama::Template;
use notafter::web::{
    auth::views::{Login, Password, Setup, StepUp},
    error_page::ErrorPage,
    filters,
    parts::{
        Action, Badge, Chip, Column, Definition, Facet, Field, FieldError, Life, Notice, Order, Pager, Tab,
        Tile, Timeline, Tone, Track,
    },
    shell::{Entries, Nav, Shell, Theme},
};
use time::{Duration, OffsetDateTime, macros::datetime};

const NOW: OffsetDateTime = datetime!(2026-11-20 13:04 UTC);
const HOSTILE: &str = "<script>alert(\"x\")</script>'\u{202e}gpj.exe";

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"
{%- extends "base.html" -%}
{%- import "parts/icon.html" as icon -%}
{%- import "parts/crumbs.html" as crumbs -%}
{%- import "parts/status.html" as status -%}
{%- import "parts/tile.html" as tile -%}
{%- import "parts/life.html" as life -%}
{%- import "parts/track.html" as track -%}
{%- import "parts/timeline.html" as timeline -%}
{%- import "parts/table.html" as table -%}
{%- import "parts/facet.html" as facet -%}
{%- import "parts/query.html" as query -%}
{%- import "parts/notice.html" as note -%}
{%- import "parts/field.html" as field -%}
{%- import "parts/errsum.html" as errsum -%}
{%- import "parts/empty.html" as empty -%}
{%- import "parts/dialog.html" as dialog -%}
{%- import "parts/pager.html" as pager -%}
{%- import "parts/definitions.html" as definitions -%}
{%- import "parts/copyline.html" as copyline -%}
{%- import "parts/tabs.html" as tabs -%}
{%- import "parts/drop.html" as drop -%}
{% block title %}{{ name }}{% endblock %}
{% block crumbs %}{{ crumbs::link("/certificates", "Certificates") }}{{ crumbs::here(name) }}{% endblock %}
{% block body %}
<div class="page__head"><h1><bdi>{{ name }}</bdi></h1>{{ status::badge(badges[1]) }}<div class="page__actions"><a class="btn" href="/certificates/import">{{ icon::icon("upload") }}Import</a>{{ dialog::button("retire", "Retire…", "archive", "btn--danger") }}</div></div>
{{ errsum::errsum(errors) }}
{{ tabs::tabs("Views", tabs) }}
<section class="tiles" aria-label="Certificates by state">{% for t in tiles %}{{ tile::tile(t) }}{% endfor %}</section>
{{ note::notice(first) }}
<section class="panel" aria-labelledby="tl-h"><div class="panel__head"><h2 id="tl-h">Expiry timeline</h2></div><div class="panel__body">{{ timeline::timeline(timeline) }}</div></section>
<section class="panel" aria-labelledby="val-h"><div class="panel__body stack stack--s"><h2 id="val-h" class="vh">Validity</h2>{{ track::track(line) }}</div></section>
<div class="grid grid--facets">
<form method="get" action="/certificates" data-autosubmit aria-label="Filters">{{ facet::facets(facets, 1) }}</form>
<div class="stack">
<form class="row" method="get" action="/certificates" role="search" aria-label="Certificates">{{ query::query(chips, hostile, "Search by name, serial or fingerprint", "Name, serial, fingerprint") }}{{ query::keep(kept) }}</form>
<section class="panel" aria-label="List">
<table class="table"><caption class="vh">Certificates</caption><thead><tr>{% for c in columns %}{{ table::head(c) }}{% endfor %}</tr></thead><tbody>
{% for (b, l) in rows %}<tr><th scope="row"><div class="cellname"><a href="/certificates/1" data-row><bdi>{{ name|visible }}</bdi></a><span class="small">+1 name, Halden Issuing CA 02</span></div></th><td class="p1">{{ status::badge(b) }}</td><td class="num">{{ life::expires(l) }}</td><td class="p1">Payments</td></tr>{% endfor %}
</tbody></table>
{{ pager::pager(pages) }}
</section>
<section class="panel" aria-label="Nothing">{% call empty::empty("No certificates yet", true) %}<p>Import the ones you have. Nothing on your servers is changed.</p><div class="row"><a class="btn btn--primary" href="/certificates/import">{{ icon::icon("upload") }}Import certificates</a></div>{% endcall %}</section>
</div></div>
<div class="grid grid--2">
<section class="panel" aria-label="Fields"><div class="panel__body">{{ definitions::definitions(definitions) }}<p>{{ copyline::copyline("0a7f41", "0a7f41"|colons, "serial") }} {{ "0a7f41b9c8"|groups }} {{ now|date }}, {{ now|datetime }}, {{ now|iso }}, {{ now|days_left(now) }}, {{ now|ago(now) }}, {{ 1263|thousands }} {{ hostile|visible }}</p></div></section>
<section class="panel" aria-label="Form"><form class="panel__body stack" method="post" action="/x" enctype="multipart/form-data">
{%- for f in fields %}{{ field::field(f) }}{% endfor %}{{ drop::drop("files", "Choose files or drop them here", "PEM, DER, PKCS #7, PKCS #12 or JKS.", ".pem,.der", true) }}<div class="row"><button class="btn btn--primary" type="submit">Save</button></div></form></section>
</div>
{% endblock %}
{% block after %}{% call dialog::dialog("retire", hostile, "/certificates/1/retire", "Retire certificate", true, "Keep it") %}<p>No more alerts are sent for it.</p>{% endcall %}{% endblock %}
"##
)]
struct Gallery {
    shell: Shell,
    name: String,
    hostile: &'static str,
    now: OffsetDateTime,
    badges: Vec<Badge>,
    errors: Vec<FieldError>,
    tabs: Vec<Tab>,
    tiles: Vec<Tile>,
    first: Notice,
    line: Track,
    timeline: Timeline,
    facets: Vec<Facet>,
    chips: Vec<Chip>,
    kept: Vec<(String, String)>,
    columns: Vec<Column>,
    rows: Vec<(Badge, Life)>,
    pages: Pager,
    definitions: Vec<Definition>,
    fields: Vec<Field>,
}

fn long() -> String {
    let label = "very-long-label-".repeat(4);
    format!("{}x", format!("{}.", &label[..62]).repeat(4))
}

fn life(days: i64) -> Life {
    let end = NOW + Duration::days(days);
    Life::new(end - Duration::days(198), end, NOW)
}

fn badges() -> Vec<Badge> {
    let states = [
        ("expired", -3),
        ("expiring", 4),
        ("expiring", 20),
        ("valid", 90),
        ("revoked", 90),
        ("superseded", 9),
        ("retired", 9),
        ("unreadable", 9),
        (HOSTILE, 9),
    ];
    states.map(|(state, days)| Badge::of_status(state, life(days).tone)).to_vec()
}

fn shell() -> Shell {
    let mut shell = Shell::new(
        HOSTILE,
        "ines@halden.example",
        Theme::named(&theme()).unwrap(),
        Nav::Certificates,
        "/x?q=<b>",
    );
    shell.can =
        Entries { jobs: true, alerts: true, audit: true, settings: Some("/settings/users".to_owned()) };
    shell.certificates_count = Some("1,263".to_owned());
    shell.banner = Some(
        Notice::new(Tone::High, "The expiry sweep is late.", "It last ran 2 days ago.")
            .with_action("/jobs", "See jobs"),
    );
    shell.flash = Some(Notice::new(Tone::Ok, "3 certificates imported.", HOSTILE));
    shell
}

/// The pictures are taken with `GALLERY_THEME=dark` as well.
fn theme() -> String {
    std::env::var("GALLERY_THEME").unwrap_or_else(|_| "system".to_owned())
}

fn tiles() -> Vec<Tile> {
    let tile = |tone: Tone, label: &str, number| Tile {
        href: "/certificates?status=expired".to_owned(),
        tone,
        icon: tone.icon(),
        label: label.to_owned(),
        number,
        note: "of 1,263 tracked".to_owned(),
    };
    vec![
        tile(Tone::Crit, "Expired", 2),
        tile(Tone::High, "Within 7 days", 5),
        tile(Tone::Warn, "Within 30 days", 21),
        tile(Tone::Mute, "Without owner", 0),
        tile(Tone::Ok, "Valid", 1_195),
    ]
}

fn timeline() -> Timeline {
    let today = NOW.date();
    let count = |day: i64| ((day * day * 7 + 3).rem_euclid(11) - 3).max(0);
    let ends: Vec<_> = (-5..90).map(|day| (today + Duration::days(day), count(day))).collect();
    Timeline::new(today, &ends, |day| Some(format!("/certificates?on={day}")))
}

fn fields(errors: &[FieldError]) -> Vec<Field> {
    vec![
        Field::text("owner", "Owner").value(HOSTILE).hint("A name or an address.").errors(errors),
        Field::email("email", "Email").placeholder("name@halden.example"),
        Field::password("secret", "Password", "new-password").value(HOSTILE).length(15, 128),
        Field::select("team", "Team").value("b").option("a", "Payments").option("b", HOSTILE),
        Field::textarea("pem", "PEM", 4).code().value("\n</textarea><script>"),
        Field::input("number", "days", "Days").between(1, 90).value("30").required(),
        Field::check("sure", "I know", true),
        Field::switch("quiet", "Stay quiet", false).hint("Until the next start."),
    ]
}

fn gallery() -> Gallery {
    let errors = vec![
        FieldError::new("owner", "This owner is not known. Choose a team or type a mail address."),
        FieldError::new("", "Nothing was changed."),
    ];
    Gallery {
        shell: shell(),
        name: long(),
        hostile: HOSTILE,
        now: NOW,
        badges: badges(),
        tabs: vec![
            Tab::new("/certificates", "All", false).with_count(1_263),
            Tab::new("/certificates?expires=30d", "Expiring", true).with_count(23).with_tone(Tone::Crit),
        ],
        tiles: tiles(),
        first: Notice::new(
            Tone::High,
            "Nothing will renew this certificate.",
            "It was imported and has no automation.",
        ),
        line: Track::new(NOW - Duration::days(191), NOW + Duration::days(7), NOW),
        timeline: timeline(),
        facets: vec![
            Facet::new("Status", "status")
                .with("expired", "Expired", 2, true)
                .with("valid", "Valid", 1_195, false),
            Facet::new("Owner", "owner")
                .with("payments", &long(), 61, false)
                .with(HOSTILE, HOSTILE, 1, false),
        ],
        chips: vec![
            Chip::new("expires", "within 30 days", "/certificates"),
            Chip::new("owner", &long(), "/certificates"),
        ],
        kept: vec![("sort".to_owned(), HOSTILE.to_owned())],
        columns: vec![
            Column::new("Name", "").sorting("?sort=name", None),
            Column::new("Status", "p1"),
            Column::new("Expires", "num").sorting("?sort=-expires", Some(Order::Ascending)),
            Column::new("Owner", "p1"),
        ],
        rows: badges().into_iter().zip([-5, 2, 20, 90, 90, 9, 9, 9, 9].map(life)).collect(),
        pages: Pager {
            shown: "9 of 1,263".to_owned(),
            first: Some("?".to_owned()),
            previous: Some("?before=x".to_owned()),
            next: Some("?after=x".to_owned()),
        },
        definitions: vec![
            Definition::new("Subject", HOSTILE),
            Definition::hash("SHA-256", &"9c41e0b7".repeat(8), &"9c41e0b7 ".repeat(8)),
            Definition::link("Issuer", &long(), "/certificates?issuer=x"),
        ],
        fields: fields(&errors),
        errors,
    }
}

/// Also kept in the folder that `GALLERY` names, for a look with a browser.
fn drawn(name: &str, page: &impl Template) -> String {
    let html = page.render().unwrap();
    if let Ok(folder) = std::env::var("GALLERY") {
        std::fs::write(format!("{folder}/{name}.html"), &html).unwrap();
    }
    html
}

fn assert_harmless(html: &str) {
    assert!(!html.contains("<script>"), "markup from text");
    assert!(!html.contains("alert(\"x\")"), "a quote ends an attribute");
    assert!(!html.contains(" style=") && !html.contains(" onclick"), "inline style or script");
}

#[test]
fn every_part_escapes_what_it_shows() {
    let html = drawn("gallery", &gallery());
    assert_harmless(&html);
    assert!(html.contains("&#60;script&#62;alert(&#34;x&#34;)"));
    assert!(html.contains("‹U+202E›gpj.exe"), "a turned-round name is shown as it is");
    assert!(html.contains("&#60;/textarea&#62;"), "a text area holds its text");
    assert!(html.contains(&long()), "a name is never cut by the server");
}

#[test]
fn every_part_says_its_state_to_a_screen_reader() {
    let html = drawn("gallery", &gallery());
    for wanted in [
        "aria-sort=\"ascending\"",
        "aria-invalid=\"true\" aria-describedby=\"owner-hint owner-error\"",
        "<a href=\"#owner\">This owner is not known.",
        "id=\"owner-error\"",
        "aria-current=\"page\"",
        "role=\"switch\"",
        "aria-labelledby=\"retire-title\"",
        "commandfor=\"retire\" command=\"show-modal\"",
        "aria-label=\"Copy serial\"",
        "aria-label=\"Remove filter: expires within 30 days\"",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
    assert_eq!(html.matches("<h1").count(), 1);
}

#[test]
fn a_password_is_never_sent_back() {
    let html = drawn("gallery", &gallery());
    let field = html.split("id=\"secret\"").nth(1).unwrap().split('>').next().unwrap();
    assert!(field.contains("value=\"\""), "{field}");
}

#[test]
fn the_pages_without_a_session_escape_what_they_show() {
    let wrong = vec![FieldError::new("", "This email and password do not belong together.")];
    let weak = vec![FieldError::new("password", "This password is on the list of common ones.")];
    let notice = Notice::new(Tone::Info, "You are signed out.", "");
    let pages = [
        drawn("login", &Login::new("", "/jobs", "console.halden.example", Vec::new()).with_notice(notice)),
        drawn("login-wrong", &Login::new(HOSTILE, HOSTILE, HOSTILE, wrong.clone())),
        drawn("setup", &Setup::new("0123", "", "", 15, Vec::new())),
        drawn("setup-weak", &Setup::new(HOSTILE, HOSTILE, HOSTILE, 15, weak.clone())),
        drawn("password", &Password::new("/a/0123", HOSTILE, 15, weak)),
        drawn(
            "step-up",
            &StepUp::new("/step-up", HOSTILE, "change who may sign in", "/x", Action::new("/", "Go back"))
                .with_errors(wrong),
        ),
        drawn(
            "error",
            &ErrorPage::new(http::StatusCode::NOT_FOUND, "Not here", HOSTILE)
                .with_search(HOSTILE)
                .with_advice("Nothing was changed.")
                .with_reference("7f2c-19e0"),
        ),
    ];
    for html in pages {
        assert_harmless(&html);
        assert_eq!(html.matches("<h1").count(), 1);
        assert_eq!(html.matches("<main").count(), 1);
    }
}

fn templates(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            templates(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "html") {
            found.push(std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_icon_and_file_that_a_template_names_exists() {
    let house = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let sprite = std::fs::read_to_string(house.join("static/icons.svg")).unwrap();
    let mut pages = Vec::new();
    templates(&house.join("templates"), &mut pages);
    let icon = regex::Regex::new(r#"icon::icon\("([a-z0-9-]+)""#).unwrap();
    let file = regex::Regex::new(r#"assets::url\("([^"]+)"\)"#).unwrap();
    for page in &pages {
        for name in icon.captures_iter(page).map(|found| found[1].to_owned()) {
            assert!(sprite.contains(&format!("id=\"i-{name}\"")), "no icon {name}");
        }
        for name in file.captures_iter(page).map(|found| found[1].to_owned()) {
            assert!(house.join("static").join(&name).is_file(), "no file {name}");
        }
    }
}

#[test]
fn no_template_trusts_a_value_or_breaks_the_policy() {
    let mut pages = Vec::new();
    templates(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut pages);
    let barred =
        regex::Regex::new(r#"\|\s*safe|\{%-?\s*filter safe|<script>|\shx-on|\son[a-z]+=|javascript:"#)
            .unwrap();
    for page in pages {
        assert!(
            !barred.is_match(&page),
            "{:?} in {}",
            barred.find(&page),
            page.chars().take(80).collect::<String>()
        );
    }
}
