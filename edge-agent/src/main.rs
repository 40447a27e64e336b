//! The program `edge-agent`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    edge_agent::main(std::env::args_os())
}
