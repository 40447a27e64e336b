//! The OPC UA connector against asyncua's server: killed, restarted, frozen, with nodes that are bad or late, secured.
//!
//! All counters of the peer always show the same number, and the peer prints it: a mix-up or an old value shows.

pub(crate) mod stand;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use edge_agent::connector::opcua::{self, NodeAddress, OpcuaConfig, OpcuaTag, Security, Trust, User};
use edge_agent::connector::{Lost, Publication, Raw, Report, Sample};
use rustix::process::Signal;

use stand::{PATIENCE, Running, TAGS, again, config, count, counters, healthy, server, signal, tag};

#[tokio::test]
async fn every_type_is_read_as_the_server_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let peer = server(&dir, &[]);
    let expected = [
        ("bool", Raw::Bool(true)),
        ("sbyte", Raw::Int(-5)),
        ("byte", Raw::UInt(250)),
        ("int16", Raw::Int(-3)),
        ("uint16", Raw::UInt(65_535)),
        ("int32", Raw::Int(-7)),
        ("uint32", Raw::UInt(4_294_967_295)),
        ("int64", Raw::Int(-(1 << 62))),
        ("uint64", Raw::UInt((1 << 63) - 1)),
        ("float", Raw::Real(13.45)),
        ("double", Raw::LReal(2.2)),
        ("string", Raw::Text("Füller 1".into())),
        ("loctext", Raw::Text("Störung".into())),
        ("guid", Raw::Text("84068f2f-3f39-4b9c-a995-d2a84d878689".into())),
    ];
    let refused = [
        ("array", "an array"),
        ("bytes", "a byte string"),
        ("structure", "a structure"),
        ("bad", "BadSensorFailure"),
    ];
    let names = expected.iter().map(|(name, _)| *name).chain(refused.iter().map(|(name, _)| *name));
    let tags: Vec<_> = names.chain(["datetime", "uncertain"]).map(|name| tag(&format!("t_{name}"))).collect();
    let check = |samples: &[Sample]| {
        let of = |tag: usize| samples.iter().find(|s| s.tag == tag).unwrap_or_else(|| panic!("tag {tag}"));
        for (i, (name, value)) in expected.iter().enumerate() {
            assert_eq!(of(i).value.as_ref(), Ok(value), "{name}");
        }
        for (i, (name, why)) in refused.iter().enumerate() {
            let reason = of(expected.len() + i).value.clone().unwrap_err();
            assert!(reason.starts_with(why), "{name}: {reason}");
        }
        let Ok(Raw::Text(time)) = &of(tags.len() - 2).value else { panic!() };
        assert!(time.starts_with("2024-02-29T12:00:00"), "{time}");
        let doubtful = of(tags.len() - 1);
        assert!(doubtful.uncertain && doubtful.value == Ok(Raw::LReal(4.5)), "{doubtful:?}");
        assert_eq!(doubtful.status.as_deref(), Some("UncertainLastUsableValue"));
        // It last changed in 2024, and is news now.
        assert!(doubtful.timestamp - doubtful.source_timestamp.unwrap() > 86_400_000, "{doubtful:?}");
    };
    check(&opcua::read_once(&config(&peer, &dir), &tags).await.unwrap().samples);
    let mut running = Running::start(config(&peer, &dir), tags.clone());
    let mut samples = Vec::new();
    while samples.len() < tags.len() {
        if let Report::Published(publication) = running.report().await {
            samples.extend(publication.samples);
        }
    }
    check(&samples);
}

#[tokio::test]
async fn values_carry_the_time_of_their_source_and_quiet_servers_still_move_time() {
    let dir = tempfile::tempdir().unwrap();
    let peer = server(&dir, &["--every", "2500"]);
    let mut running = Running::start(config(&peer, &dir), counters());
    running.until("all tags", |r| r.all_from(0)).await;
    let (mut complete, mut live, started) = (Vec::new(), 0, Instant::now());
    while complete.len() < 4 || live == 0 {
        assert!(started.elapsed() < PATIENCE, "{complete:?}");
        let Report::Published(Publication { samples, complete: at, lost }) = running.report().await else {
            panic!()
        };
        assert_eq!(lost, Lost::default());
        let at = at.expect("nothing more is on its way");
        for sample in samples {
            assert_eq!(sample.source_timestamp, None, "the stamp is the source's own");
            assert!((0..1_000).contains(&(at - sample.timestamp)), "{} of {at}", sample.timestamp);
            live += 1;
        }
        complete.push(at);
    }
    let gaps: Vec<i64> = complete.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (0..1_600).contains(gap)), "{gaps:?}");
}

#[tokio::test]
async fn a_server_that_is_killed_and_restarted_is_read_again_by_the_names_of_its_namespaces() {
    let (dir, peer, mut running) = healthy().await;
    let port = peer.port();
    peer.kill();
    running.until("down", |r| r.down.is_some()).await;
    assert!(
        running.down.clone().unwrap().contains(&format!("opc.tcp://127.0.0.1:{port}")),
        "{:?}",
        running.down
    );
    let mut gone = Vec::new();
    while gone.len() < 4 {
        assert!(matches!(running.report().await, Report::Down(_)), "there is no server");
        gone.push(Instant::now());
    }
    let gaps: Vec<_> = gone.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert!(gaps.iter().all(|gap| (700..1_500).contains(gap)), "{gaps:?}");
    let restarted = again(port, &dir, &["--shift"]);
    let back = running.until("all tags again", |r| r.all_from(1)).await;
    println!("back after {back:?}");
    let least = count(&restarted) + 3;
    running.until("live values", |r| r.all_from(least)).await;
}

#[tokio::test]
async fn a_server_that_freezes_is_down_and_read_again_when_it_thaws() {
    let (_dir, peer, mut running) = healthy().await;
    signal(&peer, Signal::STOP);
    let noticed = running.until("down", |r| r.down.is_some()).await;
    println!("noticed after {noticed:?}");
    let until = Instant::now() + Duration::from_secs(7);
    while Instant::now() < until {
        assert!(matches!(running.report().await, Report::Down(_)), "it is frozen");
    }
    signal(&peer, Signal::CONT);
    let back = running.until("all tags again", |r| r.all_from(1)).await;
    println!("back after {back:?}");
    let least = count(&peer) + 3;
    running.until("live values", |r| r.all_from(least)).await;
}

#[tokio::test]
async fn bad_nodes_are_bad_alone_and_late_ones_are_read_when_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let peer = server(&dir, &["--late", "5"]);
    let foreign = OpcuaTag { node: NodeAddress::parse("nsu=urn:nobody;s=v1").unwrap() };
    let tags = [counters(), vec![tag("nonsense"), foreign]].concat();
    let mut running = Running::start(config(&peer, &dir), tags);
    let good = |r: &Running| r.known.values().filter(|v| v.is_ok()).count();
    running.until("those that are there", |r| good(r) == TAGS - 10 && r.known.len() == TAGS + 2).await;
    for late in TAGS - 10..=TAGS {
        let reason = running.known[&late].clone().unwrap_err();
        assert!(reason.starts_with("BadNodeIdUnknown"), "{late}: {reason}");
    }
    assert_eq!(running.known[&(TAGS + 1)], Err("the server has no namespace `urn:nobody`".into()));
    running.until("the late ones", |r| good(r) == TAGS).await;
    assert!(running.known[&TAGS].is_err() && running.known[&(TAGS + 1)].is_err(), "and nothing else");
}

#[tokio::test]
async fn an_agent_that_is_behind_loses_nothing_that_the_server_still_holds() {
    let (_dir, peer, mut running) = healthy().await;
    let before = match running.known[&0] {
        Ok(Raw::Int(count)) => count,
        ref other => panic!("{other:?}"),
    };
    // Nothing is taken while the peer counts on.
    let until = before + 15;
    let started = Instant::now();
    while count(&peer) < until {
        assert!(started.elapsed() < PATIENCE, "the peer does not count");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut seen = vec![before];
    while *seen.last().unwrap() < until {
        let Report::Published(publication) = running.report().await else { panic!("it is not down") };
        let of_this = publication.samples.iter().filter(|s| s.tag == 0);
        seen.extend(of_this.map(|s| match s.value {
            Ok(Raw::Int(count)) => count,
            ref other => panic!("{other:?}"),
        }));
    }
    assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seen:?}");
}

#[tokio::test]
async fn a_user_is_let_in_over_an_encrypted_channel_once_the_server_is_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let peer = server(&dir, &["--secure"]);
    let mut secure = OpcuaConfig { security: Security::Basic256Sha256, ..config(&peer, &dir) };
    secure.user = Some(User { name: "line".into(), password_file: password(dir.path(), "s3cret") });

    let untrusted = opcua::read_once(&secure, &counters()).await.unwrap_err().sentence();
    assert!(untrusted.contains("is not trusted yet: compare its thumbprint"), "{untrusted}");
    let trust = Trust::new(&secure.certificates);
    let rejected = trust.list().unwrap();
    assert!(untrusted.contains(&rejected[0].thumbprint), "{untrusted} {rejected:?}");
    trust.add(&rejected[0].thumbprint).unwrap();

    let mut running = Running::start(secure.clone(), counters());
    running.until("all tags", |r| r.all_from(1)).await;

    secure.user = Some(User { name: "line".into(), password_file: password(dir.path(), "wrong") });
    let refused = opcua::read_once(&secure, &counters()).await.unwrap_err().sentence();
    assert!(refused.contains("refuses the user: wrong user or password"), "{refused}");
    assert!(!refused.contains("s3cret"));

    let weaker = OpcuaConfig { security: Security::None, ..secure };
    let refused = opcua::read_once(&weaker, &counters()).await.unwrap_err().sentence();
    assert!(
        refused.contains("does not offer security None; it offers Basic256Sha256 SignAndEncrypt"),
        "{refused}"
    );
}

#[tokio::test]
async fn security_that_the_server_does_not_offer_is_never_lowered() {
    let dir = tempfile::tempdir().unwrap();
    let peer = server(&dir, &[]);
    let secure = OpcuaConfig { security: Security::Basic256Sha256, ..config(&peer, &dir) };
    let refused = opcua::read_once(&secure, &counters()).await.unwrap_err().sentence();
    assert!(
        refused.contains("does not offer security Basic256Sha256 SignAndEncrypt; it offers None"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_server_that_nobody_answers_for_is_told_by_its_address() {
    let dir = tempfile::tempdir().unwrap();
    let peer = server(&dir, &[]);
    let config = OpcuaConfig { address: "opc.tcp://127.0.0.1:1".into(), ..config(&peer, &dir) };
    let unreachable = opcua::read_once(&config, &counters()).await.unwrap_err().sentence();
    assert!(unreachable.starts_with("opc.tcp://127.0.0.1:1 cannot be reached"), "{unreachable}");
}

fn password(dir: &Path, password: &str) -> std::path::PathBuf {
    let path = dir.join(password);
    std::fs::write(&path, password).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}
