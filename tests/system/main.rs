//! The tests of the whole system, in one binary: real servers that nobody here wrote, real processes, real time.
#![cfg(test)]

mod aggregate;
mod catalogue;
mod clock;
mod commands;
mod demo;
mod desk;
mod disk;
mod dynamo;
mod faketime;
mod forward;
mod ingest;
mod kill;
mod notify;
mod opcua;
mod opcua_clock;
mod opcua_commands;
mod opcua_line;
mod opcua_load;
mod operator;
mod outage;
mod page;
mod parts;
mod peer;
mod quiet;
mod reload;
mod replay;
mod rules;
mod s7;
mod tidy;
mod units;
mod vectors;
mod works;
mod wrong;
