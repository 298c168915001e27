//! Where an import reads: the files that paths lead to, each once, in order.
//!
//! Folders are walked to their ends. Symbolic links are followed; what was seen is remembered by device and inode, so that loops end and a
//! file with two names is read once. Hidden files and folders are left out unless they are named themselves.

use std::{
    collections::HashSet,
    fs::{self, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::layout::{self, Layout, Role};

/// One thing to read.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file; `-` is standard input.
    pub path: PathBuf,
    /// A key of a live folder is not opened.
    pub is_key: bool,
    /// Whether a person named it, rather than its folder.
    pub is_named: bool,
    /// Its length, if it has one.
    pub size: u64,
}

/// What the paths led to.
#[derive(Debug, Default)]
pub struct Places {
    /// What to read.
    pub places: Vec<Place>,
    /// Live folders that were recognised: whose, and what they lie in.
    pub live: Vec<(Layout, PathBuf)>,
    /// Paths that cannot be read, and why.
    pub faults: Vec<(PathBuf, String)>,
}

/// Follows every path.
pub fn places(paths: &[PathBuf]) -> Places {
    let mut walk = Walk::default();
    for path in paths {
        walk.path(path);
    }
    walk.found
}

/// Why a file cannot be read, without the numbers of the operating system.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase(),
    }
}

#[derive(Default)]
struct Walk {
    found: Places,
    seen: HashSet<(u64, u64)>,
    /// Folders to be walked, the next one last.
    waiting: Vec<PathBuf>,
}

/// What lies in one folder, sorted by name.
#[derive(Default)]
struct Listing {
    folders: Vec<String>,
    files: Vec<(String, Metadata)>,
}

impl Walk {
    fn path(&mut self, path: &Path) {
        if path.as_os_str() == "-" {
            let place = Place { path: path.to_owned(), is_key: false, is_named: true, size: 0 };
            return self.found.places.push(place);
        }
        match fs::metadata(path) {
            Err(error) => self.fault(path, &error),
            Ok(metadata) if metadata.is_dir() => {
                self.waiting.push(path.to_owned());
                while let Some(folder) = self.waiting.pop() {
                    self.folder(&folder);
                }
            }
            Ok(metadata) => self.file(path.to_owned(), &metadata, Role::Read, true),
        }
    }

    fn folder(&mut self, folder: &Path) {
        let listing = match fs::metadata(folder) {
            Ok(metadata) if !self.seen.insert((metadata.dev(), metadata.ino())) => return,
            Ok(_) => self.listing(folder),
            Err(error) => return self.fault(folder, &error),
        };
        let Some(Listing { folders, files }) = listing else { return };
        let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
        let layout = Layout::of(folder, &names);
        if let Some(layout) = layout {
            self.live(layout, folder);
        }
        // Beside live/ and archive/ certbot keeps only its settings.
        let files = if layout::is_certbot_root(&folders) { Vec::new() } else { files };
        for (name, metadata) in files {
            let role = layout.map_or(Role::Read, |layout| layout.role(folder, &name, &names));
            self.file(folder.join(name), &metadata, role, false);
        }
        let mut below: Vec<PathBuf> = folders
            .iter()
            .filter(|name| !layout::is_beside(name, &folders, &names))
            .map(|name| folder.join(name))
            .collect();
        // The archive behind a live folder has what came before.
        if layout == Some(Layout::Certbot)
            && let Ok(current) = fs::canonicalize(folder.join("cert.pem"))
            && let Some(archive) = current.parent()
        {
            below.push(archive.to_owned());
        }
        self.waiting.extend(below.into_iter().rev());
    }

    fn listing(&mut self, folder: &Path) -> Option<Listing> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.fault(folder, &error);
                return None;
            }
        };
        let mut listing = Listing::default();
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.fault(folder, &error);
                    continue;
                }
            };
            let Ok(name) = entry.file_name().into_string() else {
                let reason = "its name is not UTF-8; name the file itself to import it";
                self.found.faults.push((entry.path(), reason.to_owned()));
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            match fs::metadata(entry.path()) {
                Ok(metadata) if metadata.is_dir() => listing.folders.push(name),
                // Pipes and devices in a folder would hold the import up for ever.
                Ok(metadata) if metadata.is_file() => listing.files.push((name, metadata)),
                Ok(_) => {}
                Err(error) => self.fault(&entry.path(), &error),
            }
        }
        listing.folders.sort();
        listing.files.sort_by(|one, other| one.0.cmp(&other.0));
        Some(listing)
    }

    fn file(&mut self, path: PathBuf, metadata: &Metadata, role: Role, is_named: bool) {
        if role != Role::Skip && self.seen.insert((metadata.dev(), metadata.ino())) {
            let size = if metadata.is_file() { metadata.len() } else { 0 };
            self.found.places.push(Place { path, is_key: role == Role::Key, is_named, size });
        }
    }

    /// Many names of one client are one piece of news.
    fn live(&mut self, layout: Layout, folder: &Path) {
        let lies_in = match layout {
            Layout::Lego => folder,
            _ => folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(folder),
        };
        let news = (layout, lies_in.to_owned());
        if !self.found.live.contains(&news) {
            self.found.live.push(news);
        }
    }

    fn fault(&mut self, path: &Path, error: &io::Error) {
        self.found.faults.push((path.to_owned(), reason(error)));
    }
}
