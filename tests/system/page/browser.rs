//! Headless Chromium, driven through its own chromedriver over WebDriver: JSON over HTTP.
//!
//! Here: what the tests of the page need of it. Not here: what they look for. A client crate would bring an HTTP
//! stack for six requests. `tests/run` installs both programs.
//! Invariant: neither program outlives its [`Browser`]; each has a fresh profile, so tests run beside each other.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest wait for anything on a page.
const PATIENCE: Duration = Duration::from_secs(60);
/// One at a time: a browser wants a core or two, and others build.
static ONE: Mutex<()> = Mutex::new(());
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Nothing but the page: no sandbox because tests may run as root, no services of its own.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// A browser with one window.
pub(super) struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: TempDir,
    _only: MutexGuard<'static, ()>,
}

/// How the window looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) dark: bool,
    pub(super) language: &'static str,
}

impl Browser {
    /// Starts one and opens a page.
    pub(super) fn open(url: &str, window: Window) -> Self {
        let only = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("tests/run installs chromedriver");
        let mut said = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = said
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        // What it says from here on nobody reads.
        std::thread::spawn(move || said.for_each(drop));
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("chromedriver says its port")));
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self { driver, address, session: String::new(), _profile: profile, _only: only };
        browser.begin(window);
        browser.tell("POST", "/url", &json!({ "url": url }));
        browser
    }

    fn begin(&mut self, window: Window) {
        let profile = format!("--user-data-dir={}", self._profile.path().display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([profile.as_str()]).collect();
        let options = json!({
            "args": arguments,
            "prefs": { "intl.accept_languages": window.language },
            "perfLoggingPrefs": { "enableNetwork": true },
        });
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let begun = self.ask("POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        self.session = format!("/session/{}", begun["sessionId"].as_str().unwrap());
        self.resize(window);
    }

    /// Gives the window another size and scheme; the language stays.
    pub(super) fn resize(&self, window: Window) {
        let size = json!({
            "width": window.width, "height": window.height,
            "deviceScaleFactor": 1, "mobile": window.width < 500,
        });
        self.command("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if window.dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.command("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    fn command(&self, command: &str, params: &Value) {
        self.tell("POST", "/goog/cdp/execute", &json!({ "cmd": command, "params": params }));
    }

    /// Runs a script in the page and gives what it returns.
    pub(super) fn run(&self, script: &str) -> Value {
        self.tell("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true in the page.
    pub(super) fn until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.run(&format!("return Boolean({expression});")) != true {
            let page = self.run("return document.body.innerText.slice(0, 1500);");
            assert!(
                Instant::now() < deadline,
                "never so: {expression}\non the page: {page}\n{:?}",
                self.console()
            );
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Types into the field of an id, after what is there.
    pub(super) fn type_into(&self, id: &str, text: &str) {
        let found =
            self.tell("POST", "/element", &json!({ "using": "css selector", "value": format!("#{id}") }));
        let element = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        self.tell("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// What the console has said since it was asked last.
    pub(super) fn console(&self) -> Vec<String> {
        self.log("browser").iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The addresses that were asked for since it was asked last; the browser's own first page is left out.
    pub(super) fn requests(&self) -> Vec<String> {
        let messages = self.log("performance");
        let messages = messages.iter().map(|m| serde_json::from_str(m["message"].as_str().unwrap()).unwrap());
        messages
            .filter(|m: &Value| m["message"]["method"] == "Network.requestWillBeSent")
            .map(|m| m["message"]["params"].clone())
            .filter(|asked| !asked["documentURL"].as_str().unwrap().starts_with("chrome:"))
            .map(|asked| asked["request"]["url"].as_str().unwrap().to_owned())
            .collect()
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        self.tell("POST", "/se/log", &json!({ "type": kind })).as_array().unwrap().clone()
    }

    /// The window as PNG, in base 64.
    pub(super) fn screenshot(&self) -> String {
        self.tell("GET", "/screenshot", &Value::Null).as_str().unwrap().to_owned()
    }

    fn tell(&self, method: &str, path: &str, body: &Value) -> Value {
        self.ask(method, &format!("{}{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.exchange(method, path, body).unwrap();
        assert_eq!(status, "200", "{method} {path} {body}: {answer}");
        serde_json::from_str::<Value>(&answer).unwrap()["value"].take()
    }

    fn exchange(&self, method: &str, path: &str, body: &Value) -> std::io::Result<(String, String)> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut driver = TcpStream::connect(self.address)?;
        driver.set_read_timeout(Some(PATIENCE))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        driver.write_all((head + &body).as_bytes())?;
        // It leaves the connection open: the length says where the answer ends.
        let mut answer = BufReader::new(driver);
        let (mut status, mut length) = (String::new(), 0);
        for line in answer.by_ref().lines() {
            let line = line?.to_lowercase();
            if status.is_empty() {
                status = line.split(' ').nth(1).unwrap_or_default().to_owned();
            } else if let Some(bytes) = line.strip_prefix("content-length:") {
                length = bytes.trim().parse().unwrap_or(0);
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser that it started; whatever is left of its group is killed.
        self.exchange("DELETE", &self.session, &Value::Null).ok();
        if let Some(group) = i32::try_from(self.driver.id()).ok().and_then(Pid::from_raw) {
            kill_process_group(group, Signal::KILL).ok();
        }
        self.driver.wait().ok();
    }
}
