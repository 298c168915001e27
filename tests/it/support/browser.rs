//! A real browser: headless Chromium driven through its driver, against a listener of the application under test.

use std::{
    net::{SocketAddr, TcpListener},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use thirtyfour::{
    ChromiumLikeCapabilities, DesiredCapabilities, WebDriver, WebElement,
    common::keys::Key,
    prelude::{By, ElementQueryable},
};

use super::{TestApp, pki::Folder};

/// How the page is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A desk, light colours.
    Light,
    /// A desk, dark colours.
    Dark,
    /// 390 pixels wide.
    Phone,
}

/// One browser with a new profile, and the address it talks to.
pub struct Browser {
    pub driver: WebDriver,
    pub base: String,
    chromedriver: Child,
    _profile: Folder,
}

impl Browser {
    /// Serves `app` on a free port of loopback and opens a browser.
    pub async fn open(app: &TestApp) -> Browser {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let service = app.router.clone().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let chromedriver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver; tests/run installs it");
        let profile = Folder::new();
        let driver = connect(port, &profile).await;
        Browser { driver, base, chromedriver, _profile: profile }
    }

    pub async fn visit(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.base)).await.unwrap();
    }

    /// The first thing that fits, waiting for it to appear.
    pub async fn find(&self, css: &str) -> WebElement {
        let query = self.driver.query(By::Css(css)).wait(Duration::from_secs(10), Duration::from_millis(50));
        match query.first().await {
            Ok(element) => element,
            Err(error) => panic!("`{css}` is not on {}: {error}\n{}", self.path().await, self.text().await),
        }
    }

    /// A real click: the browser scrolls there and presses.
    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// Replaces what a field holds.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses a key where the focus is.
    pub async fn key(&self, key: Key) {
        self.driver.action_chain().send_keys(key).perform().await.unwrap();
    }

    /// Everything a person can read.
    pub async fn text(&self) -> String {
        self.driver.find(By::Tag("body")).await.unwrap().text().await.unwrap()
    }

    /// Fails unless the page says it within ten seconds.
    pub async fn says(&self, words: &str) {
        let quoted = words.replace('\'', "’");
        let xpath = format!("//body//*[contains(normalize-space(.), '{quoted}')]");
        let query =
            self.driver.query(By::XPath(xpath)).wait(Duration::from_secs(10), Duration::from_millis(50));
        assert!(
            query.first().await.is_ok(),
            "`{words}` is not on {}:\n{}",
            self.path().await,
            self.text().await
        );
    }

    /// Path and query of the page.
    pub async fn path(&self) -> String {
        let url = self.driver.current_url().await.unwrap();
        url.as_str().trim_start_matches(&self.base).to_owned()
    }

    /// Where the focus is, as `tag#id` or `tag: text`.
    pub async fn focus(&self) -> String {
        let script = "const e = document.activeElement; return e.tagName.toLowerCase() + (e.id ? '#' + e.id : ': ' + e.textContent.trim())";
        self.driver.execute(script, Vec::new()).await.unwrap().json().as_str().unwrap().to_owned()
    }

    /// Turns scripts off or on, from the next page on.
    pub async fn scripts(&self, on: bool) {
        self.tell("Emulation.setScriptExecutionDisabled", json!({ "value": !on })).await;
    }

    /// Sets width and colours.
    pub async fn look(&self, look: Look) {
        let (width, height) = if look == Look::Phone { (390, 844) } else { (1440, 1000) };
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if look == Look::Dark { "dark" } else { "light" };
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.tell("Emulation.setEmulatedMedia", media).await;
    }

    /// What is wrong with the page for people who cannot see it well, or that reaches over its edge; empty when nothing is.
    pub async fn faults(&self) -> Vec<String> {
        let axe = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(axe).expect("axe-core; tests/run fetches it");
        self.driver.execute(axe, Vec::new()).await.unwrap();
        let script = "const done = arguments[0];
            const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth ? ['reaches over the edge'] : [];
            axe.run(document, { resultTypes: ['violations'], iframes: false, rules: { 'target-size': { enabled: true } } }).then(r =>
              done(wide.concat(r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ')).join(', ')))));";
        let found = self.driver.execute_async(script, Vec::new()).await.unwrap();
        found.json().as_array().unwrap().iter().map(|fault| fault.as_str().unwrap().to_owned()).collect()
    }

    /// Ends the browser.
    pub async fn close(self) {
        let _ = self.driver.clone().quit().await;
    }

    async fn tell(&self, command: &str, parameters: Value) {
        self.driver.cdp().send_raw(command, parameters).await.unwrap();
    }
}

impl Drop for Browser {
    /// A test that fails leaves no browser behind: the driver and what it started are one group.
    fn drop(&mut self) {
        let _gone = rustix::process::kill_process_group(
            rustix::process::Pid::from_child(&self.chromedriver),
            rustix::process::Signal::KILL,
        );
        let _ended = self.chromedriver.wait();
    }
}

/// The driver needs a moment until it listens; each refused connection answers at once.
async fn connect(port: u16, profile: &Folder) -> WebDriver {
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..200 {
        pause.tick().await;
        let mut wanted = DesiredCapabilities::chrome();
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1440,1000",
        ] {
            wanted.add_arg(argument).unwrap();
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.0.display())).unwrap();
        if let Ok(driver) = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await {
            return driver;
        }
    }
    panic!("chromedriver does not answer on port {port}");
}
