//! Which endpoint of a server is chosen, and where it is spoken to.

use super::*;

fn config(security: Security) -> OpcuaConfig {
    OpcuaConfig {
        address: "opc.tcp://plc3:4841".into(),
        security,
        user: None,
        scan: Duration::from_millis(100),
        timeout: Duration::from_secs(4),
        agent_id: "a".into(),
        certificates: "certificates".into(),
    }
}

fn endpoint(policy: SecurityPolicy, mode: MessageSecurityMode) -> EndpointDescription {
    EndpointDescription {
        endpoint_url: "opc.tcp://device:4840/ua".into(),
        security_policy_uri: policy.to_uri().into(),
        security_mode: mode,
        ..EndpointDescription::default()
    }
}

#[test]
fn nothing_less_than_the_configured_security_is_chosen() {
    let weak = || {
        vec![
            endpoint(SecurityPolicy::None, MessageSecurityMode::None),
            endpoint(SecurityPolicy::Basic256Sha256, MessageSecurityMode::Sign),
            endpoint(SecurityPolicy::Basic128Rsa15, MessageSecurityMode::SignAndEncrypt),
        ]
    };
    let refused = chosen(&config(Security::Basic256Sha256), weak()).unwrap_err().sentence();
    assert!(
        refused.contains("it offers None, Basic256Sha256 Sign, Basic128Rsa15 SignAndEncrypt"),
        "{refused}"
    );
    let strong = endpoint(SecurityPolicy::Basic256Sha256, MessageSecurityMode::SignAndEncrypt);
    let all = [weak(), vec![strong.clone()]].concat();
    assert_eq!(chosen(&config(Security::Basic256Sha256), all.clone()).unwrap(), strong);
    assert_eq!(chosen(&config(Security::None), all).unwrap().security_mode, MessageSecurityMode::None);
    assert!(chosen(&config(Security::None), vec![strong]).is_err(), "nor another");
}

#[test]
fn the_server_is_spoken_to_where_it_is_configured() {
    assert_eq!(
        at_address("opc.tcp://10.0.0.1:4841", "opc.tcp://device:4840/ua/x"),
        "opc.tcp://10.0.0.1:4841/ua/x"
    );
    assert_eq!(at_address("opc.tcp://10.0.0.1/ignored", "opc.tcp://device"), "opc.tcp://10.0.0.1:4840/");
    assert_eq!(authority("opc.tcp://[::1]/x"), "[::1]:4840");
}

#[test]
fn a_password_file_that_others_may_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("password");
    std::fs::write(&path, "s3cret\n").unwrap();
    let set = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let user = User { name: "line".into(), password_file: path.clone() };
    set(0o640);
    assert!(matches!(identity(&config(Security::None), &user), Err(OpcuaError::PasswordOpen { .. })));
    set(0o600);
    let Ok(IdentityToken::UserName(name, password)) = identity(&config(Security::None), &user) else {
        panic!()
    };
    assert_eq!((name.as_str(), password.0.as_str()), ("line", "s3cret"));
}
