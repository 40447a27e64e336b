//! `plant`: shows Plimsoll at work on a simulated bottling line. All of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    plant::demo::main(std::env::args_os())
}
