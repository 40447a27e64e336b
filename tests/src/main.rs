//! The binary of the plant: runs the other programs as processes of their own.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).peekable();
    match args.peek().and_then(|word| word.to_str()) {
        Some("ingest") => cloud_ingest::main(args),
        _ => ExitCode::from(2),
    }
}
