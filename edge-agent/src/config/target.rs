//! Where what happens goes to: `[forward]`.
//!
//! Here: its keys. Not here: how it gets there (`forward`). Invariant: a stream has a name, a region and a site.

use rules::diagnose::{FileId, Report};
use rules::document::{Reader, Table};

/// Bytes of all forwarded files unless the file says otherwise: months of a line.
const FILES_MAX: u64 = 1 << 30;
/// Less would not hold a bad day.
const FILES_MIN: u64 = 8 << 20;

/// Where transitions and events go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To files under `data_dir`: needs no account.
    File {
        /// Bytes of all of them; older ones make room.
        bytes_max: u64,
    },
    /// To an Amazon Kinesis stream.
    Kinesis {
        /// Name of the stream.
        stream: String,
        /// Region of the stream.
        region: String,
        /// Another address than AWS's.
        endpoint: Option<String>,
    },
}

pub(super) fn target(
    report: &mut Report,
    file: FileId,
    table: Option<&Table>,
    has_site: bool,
) -> Option<Target> {
    let Some(table) = table else { return Some(Target::File { bytes_max: FILES_MAX }) };
    let mut r = Reader::new(table, "[forward]", file, report);
    let kinesis = super::one_of(&mut r, "to", &[("file", false), ("kinesis", true)]);
    super::one_of(&mut r, "partition_key", &[("equipment", ())]);
    super::one_of(&mut r, "datapoints", &[("none", ())]);
    let files = files(&mut r);
    let target = if kinesis == Some(true) { stream(&mut r, table, has_site) } else { Some(files) };
    let later = ["proxy", "credentials"];
    if kinesis == Some(true) {
        r.finish(&later);
    } else {
        // A stream may stay written down while its events go to files.
        ["stream", "region", "endpoint"].into_iter().for_each(|key| drop(r.text(key)));
        r.finish(&later);
    }
    target
}

/// The bound stands there whether or not it goes to files at the moment.
fn files(r: &mut Reader<'_, '_>) -> Target {
    let given = r.size("files_max");
    if let Some(size) = given.as_ref().filter(|size| size.value < FILES_MIN) {
        let place = (r.file(), size.span.clone());
        r.report().error("C104", place, "`files_max` must be at least 8 MiB", "too small");
    }
    Target::File { bytes_max: given.map_or(FILES_MAX, |size| size.value) }
}

fn stream(r: &mut Reader<'_, '_>, table: &Table, has_site: bool) -> Option<Target> {
    let (stream, region) = (r.required_text("stream"), r.required_text("region"));
    let endpoint = r.text("endpoint");
    if let Some(endpoint) = endpoint.as_ref().filter(|e| !e.value.starts_with("http")) {
        let place = (r.file(), endpoint.span.clone());
        r.report().error("C101", place, "`endpoint` is not a URL", "https://… is expected");
    }
    if let Some(endpoint) = endpoint.as_ref().filter(|e| e.value.starts_with("http:")) {
        let place = (r.file(), endpoint.span.clone());
        r.report().warning("C102", place, "`endpoint` is not encrypted", "use https outside of tests");
    }
    if !has_site {
        let place = (r.file(), table.span.clone());
        let message = "forwarding to Kinesis needs a site";
        r.report().error("C103", place, message, "add `site = \"…\"` to [agent]");
    }
    Some(Target::Kinesis {
        stream: stream?.value,
        region: region?.value,
        endpoint: endpoint.map(|e| e.value),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{GOOD, read};
    use super::*;

    fn forward(lines: &str) -> (Option<Target>, Vec<String>) {
        let text = GOOD.replace("id = \"ipc-l3\"", "id = \"ipc-l3\"\nsite = \"nt\"") + "[forward]\n" + lines;
        let (config, said) = read(&text);
        (config.map(|c| c.target), said)
    }

    #[test]
    fn a_stream_has_a_name_and_a_region() {
        let (target, _) = forward("to = 'kinesis'\nstream = 'plimsoll'\nregion = 'eu-central-1'");
        let stream = ("plimsoll".to_owned(), "eu-central-1".to_owned());
        assert_eq!(target, Some(Target::Kinesis { stream: stream.0, region: stream.1, endpoint: None }));
        assert!(forward("to = 'kinesis'\nstream = 'x'").1[0].contains("[forward] has no `region`"));
        assert!(forward("to = 'kafka'").1[0].contains("\"file\" or \"kinesis\" is expected"));
    }

    #[test]
    fn files_have_a_bound() {
        assert_eq!(forward("to = 'file'").0, Some(Target::File { bytes_max: 1 << 30 }));
        assert_eq!(forward("files_max = '100 MiB'").0, Some(Target::File { bytes_max: 100 << 20 }));
        assert!(forward("files_max = '1 MiB'").1[0].contains("at least 8 MiB"));
    }

    #[test]
    fn a_stream_needs_a_site_and_an_open_endpoint_warns() {
        let (_, said) = read(&format!("{GOOD}[forward]\nto = 'kinesis'\nstream = 's'\nregion = 'r'"));
        assert!(said[0].contains("needs a site"), "{said:?}");
        let (target, said) =
            forward("to = 'kinesis'\nstream = 's'\nregion = 'r'\nendpoint = 'http://127.0.0.1:1'");
        assert!(target.is_some() && said[0].contains("not encrypted"), "{said:?}");
    }
}
