//! The driver against scripted peers on a loopback port: what it says when a PLC refuses, and how it ends.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

use super::*;
use crate::connector::{Raw, s7::Address};

const CONFIRM: [u8; 22] =
    [3, 0, 0, 22, 0x11, 0xD0, 0, 1, 0, 1, 0, 0xC0, 1, 0x0A, 0xC1, 2, 1, 0, 0xC2, 2, 2, 1];
const REFUSED: [u8; 11] = [3, 0, 0, 11, 6, 0x80, 0, 1, 0, 0, 3];
/// What a CPU with PUT/GET disabled says to any read: reference 0.
const PUT_GET_DISABLED: [u8; 19] = [3, 0, 0, 19, 2, 0xF0, 0x80, 0x32, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0x04];

/// What the peer does with the n-th frame of a connection: answer, or close.
type Script = fn(usize, &[u8]) -> Option<Vec<u8>>;

/// Serves the script to one connection after the other.
async fn serve(script: Script) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut frame = [0; 1024];
            for n in 0.. {
                let Ok(len @ 1..) = stream.read(&mut frame).await else { break };
                let Some(answer) = script(n, &frame[..len]) else { break };
                if stream.write_all(&answer).await.is_err() {
                    break;
                }
            }
        }
    });
    (address, serving)
}

fn config(address: &str) -> S7Config {
    S7Config {
        scan: Duration::from_millis(10),
        timeout: Duration::from_millis(300),
        ..S7Config::new(address)
    }
}

fn tags() -> Vec<S7Tag> {
    vec![S7Tag { address: Address::parse("DB10.DBB0:BYTE", None).unwrap() }]
}

fn setup(request: &[u8]) -> Vec<u8> {
    let head = [3, 0, 0, 27, 2, 0xF0, 0x80, 0x32, 3, 0, 0, request[11], request[12], 0, 8, 0, 0, 0, 0];
    [&head[..], &[0xF0, 0, 0, 1, 0, 1, 0, 240]].concat()
}

fn forty_two(request: &[u8]) -> Vec<u8> {
    let head = [3, 0, 0, 26, 2, 0xF0, 0x80, 0x32, 3, 0, 0, request[11], request[12], 0, 2, 0, 5, 0, 0];
    [&head[..], &[4, 1, 0xFF, 4, 0, 8, 42]].concat()
}

async fn refusal(script: Script) -> String {
    let (address, _serving) = serve(script).await;
    read_once(&config(&address), &tags()).await.unwrap_err().to_string()
}

#[tokio::test]
async fn each_kind_of_refusal_has_its_own_sentence() {
    let wrong_slot = refusal(|_, _| Some(REFUSED.to_vec())).await;
    assert!(wrong_slot.contains("refused rack 0, slot 1 (TSAP 0201): check rack and slot"), "{wrong_slot}");
    let closed_at_once = refusal(|_, _| None).await;
    assert!(closed_at_once.contains("check rack and slot"), "{closed_at_once}");
    let not_s7 = refusal(|_, _| Some(b"HTTP/1.1 400".to_vec())).await;
    assert!(not_s7.contains("sent a wrong answer"), "{not_s7}");
    let no_setup =
        refusal(|n, _| Some(if n == 0 { CONFIRM.to_vec() } else { PUT_GET_DISABLED.to_vec() })).await;
    assert!(no_setup.contains("refused the S7 setup (error 81 04)"), "{no_setup}");
    let silent = refusal(|_, _| Some(Vec::new())).await;
    assert!(silent.contains("did not answer within 300ms"), "{silent}");
}

#[tokio::test]
async fn an_address_where_nothing_listens_says_so_and_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = read_once(&config(&address), &tags()).await.unwrap_err();
    assert!(matches!(error, LinkError::NotListening { .. }), "{error:?}");
    assert!(error.to_string().contains(&address), "{error}");
    let error = read_once(&config("no.such.host.invalid"), &tags()).await.unwrap_err();
    assert!(error.to_string().contains("PLC no.such.host.invalid"), "{error}");
}

#[tokio::test]
async fn a_cpu_with_put_get_disabled_keeps_its_connection_and_says_what_to_do() {
    let (address, _serving) = serve(|n, request| {
        Some(match n {
            0 => CONFIRM.to_vec(),
            1 => setup(request),
            // The third read on the same connection succeeds.
            4.. => forty_two(request),
            _ => PUT_GET_DISABLED.to_vec(),
        })
    })
    .await;
    let (mut reports, stop, _) = start(&address);
    for _ in 0..2 {
        let Some(Report::Scan { readings: batch, .. }) = reports.recv().await else { panic!("no scan") };
        let reason = batch[0].value.clone().unwrap_err();
        assert!(
            reason.contains(&address) && reason.contains("PUT/GET is disabled or DB10 is optimised"),
            "{reason}"
        );
    }
    let Some(Report::Scan { readings: batch, .. }) = reports.recv().await else { panic!("no scan") };
    assert_eq!(batch, [Reading { tag: 0, value: Ok(Raw::UInt(42)) }]);
    stop.cancel();
}

/// Runs the driver as the agent does, as a task of its own.
fn start(address: &str) -> (mpsc::Receiver<Report>, CancellationToken, JoinHandle<()>) {
    let (sender, reports) = mpsc::channel(1);
    let (config, stop) = (config(address), CancellationToken::new());
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        let emit = async move |report| sender.send(report).await.unwrap_or_default();
        run(&config, &tags(), emit, stopped).await;
    });
    (reports, stop, task)
}

#[tokio::test]
async fn while_nothing_is_read_that_is_repeated_once_a_second() {
    // The connection stands, but no read is ever answered.
    let (address, _serving) = serve(|n, request| match n {
        0 => Some(CONFIRM.to_vec()),
        1 => Some(setup(request)),
        _ => Some(Vec::new()),
    })
    .await;
    let (mut reports, stop, _) = start(&address);
    let mut at = Vec::new();
    for _ in 0..4 {
        let Some(Report::Down(reason)) = reports.recv().await else { panic!("no report") };
        assert!(reason.contains("did not answer"), "{reason}");
        at.push(Instant::now());
    }
    stop.cancel();
    for pair in at.windows(2) {
        let gap_ms = (pair[1] - pair[0]).as_millis();
        assert!((800..1500).contains(&gap_ms), "{gap_ms} ms");
    }
}

#[tokio::test]
async fn it_ends_when_told_whatever_it_waits_for() {
    let (address, _serving) = serve(|_, _| Some(Vec::new())).await;
    let (_reports, stop, task) = start(&address);
    stop.cancel();
    timeout(Duration::from_secs(5), task).await.unwrap().unwrap();
    // Its receiver takes nothing, so it waits in `emit`.
    let (address, _serving) = serve(|_, _| None).await;
    let (reports, stop, task) = start(&address);
    while reports.is_empty() {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    timeout(Duration::from_secs(5), task).await.unwrap().unwrap();
}
