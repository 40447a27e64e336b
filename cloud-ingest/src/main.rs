//! The binary: nothing but the library's `main`.

use std::process::ExitCode;

fn main() -> ExitCode {
    cloud_ingest::main(std::env::args_os())
}
