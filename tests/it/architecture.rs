//! Holds the walls up: floors only import downward, each outside crate has one home, and a few lines that must not be written.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Which of our modules each floor may name by `crate::…`.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("config", &[]),
    ("crypto", &[]),
    ("shares", &[]),
    ("x509", &["crypto"]),
    ("outbound", &["config", "clock", "crypto", "x509"]),
    ("store", &["clock", "config", "crypto", "x509"]),
    ("notifiers", &["outbound", "clock", "config", "crypto", "x509"]),
    ("app", &["clock", "config", "crypto", "notifiers", "outbound", "shares", "store"]),
    ("services", &["app", "store", "notifiers", "outbound", "clock", "config", "crypto", "x509"]),
    ("routes", &["app", "services"]),
    ("address", &["config", "routes", "services"]),
    ("web", &["app", "services", "store", "routes", "address", "clock", "config", "crypto", "x509"]),
    ("api", &["app", "services", "store", "routes", "address", "clock", "config", "crypto", "x509"]),
    ("responders", &["app", "services", "store", "routes", "address", "clock", "config", "crypto", "x509"]),
    ("jobs", &["app", "services", "store", "clock", "config", "crypto", "x509"]),
];

/// Outside crates and the only places that may name them.
const HOMES: &[(&str, &[&str])] = &[
    ("sqlx", &["store", "app", "start"]),
    ("postgresql_commands", &["store"]),
    ("x509_parser", &["x509"]),
    ("x509_cert", &["x509"]),
    ("cms", &["x509"]),
    ("p12_keystore", &["x509"]),
    ("rcgen", &["x509"]),
    ("argon2", &["crypto"]),
    ("lettre", &["notifiers"]),
    ("tower_sessions", &["web"]),
    ("askama", &["web", "api", "services"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("utoipa", &["api", "services", "x509"]),
    ("metrics_exporter_prometheus", &["responders"]),
    ("axum_server", &["server"]),
];

/// Text that no file holds, where it does not hold, and why.
const NEVER: &[(&str, &[&str], &str)] = &[
    ("super::super", &[], "name the thing from the crate"),
    ("select *", &[], "spell the columns out"),
    (".* from", &[], "spell the columns out"),
    (
        "now()",
        &["store/jobs", "store/audit", "store/private"],
        "business time is a bound parameter; leases and seals go by the database's clock",
    ),
    ("std::env::var(", &["config/mod.rs", "start/", "store/private"], "settings come from Config"),
];

struct Source {
    path: String,
    floor: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.into_iter().map(|file| read(&root, &file)).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The file without its comments and its tests: both may name what they like.
fn read(root: &Path, file: &Path) -> Source {
    let path = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    let floor = path.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let code =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    Source { path, floor, code }
}

/// The first segments after each `crate::`, also inside `use crate::{a, b::c}`.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.push(word(rest)),
            Some(group) => found.extend(group_heads(group)),
        }
    }
    found
}

fn group_heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut at_head) = (0, Vec::new(), true);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            letter if at_head && letter.is_alphabetic() => {
                heads.push(word(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

#[test]
fn floors_import_only_downward() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut faults = Vec::new();
    for source in sources() {
        let Some(allowed) = allowed.get(source.floor.as_str()) else {
            assert!(
                ["main", "lib", "cli", "server", "start"].contains(&source.floor.as_str()),
                "{} has no floor",
                source.path
            );
            continue;
        };
        for import in imports(&source.code) {
            if import != source.floor && !allowed.contains(&import.as_str()) {
                faults.push(format!("{} imports crate::{import}", source.path));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_outside_crate_has_one_home() {
    let mut faults = Vec::new();
    for source in sources() {
        for (name, homes) in HOMES {
            let named = source.code.match_indices(&format!("{name}::")).any(|(at, _)| {
                !source.code[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
            });
            if named && !homes.contains(&source.floor.as_str()) {
                faults.push(format!("{} names {name}, whose home is {homes:?}", source.path));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn some_lines_are_never_written() {
    let mut faults = Vec::new();
    for source in sources() {
        for (text, except, why) in NEVER {
            let code = source.code.to_lowercase();
            let hit = code.match_indices(text).any(|(at, _)| !code[..at].ends_with(['.', ':', '_']));
            if hit && !except.iter().any(|prefix| source.path.starts_with(prefix)) {
                faults.push(format!("{}: `{text}`: {why}", source.path));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_file_holds_one_idea() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 400, "{} has {lines} lines: split it by noun", file.display());
    }
}

#[test]
fn doors_never_hold_a_tx() {
    let doors = ["web", "api", "responders"];
    for source in sources() {
        let holds = source.code.contains("Tx::begin") || source.code.contains("&mut Tx");
        assert!(
            !(doors.contains(&source.floor.as_str()) && holds),
            "{} writes; only services do",
            source.path
        );
    }
}

#[test]
fn templates_never_trust_text_nor_inline_anything() {
    let mut files = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    fn walk_html(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk_html(&path, files) } else { files.push(path) }
        }
    }
    walk_html(&root, &mut files);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(&root).unwrap().display();
        let packed: String = text.split_whitespace().collect();
        assert!(!packed.contains("|safe"), "{name}: the escaping of data is never switched off");
        // Mail is read by programs that know nothing but inline style; pages obey the CSP.
        if !name.to_string().starts_with("email/") {
            assert!(
                !text.contains("style=\"") && !text.contains("<script>") && !text.contains(" onclick="),
                "{name}: inline"
            );
        }
    }
}
