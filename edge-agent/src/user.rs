//! The users of this machine.
//!
//! Here: the name behind a number. Not here: users that the machine learns of from elsewhere (a directory service):
//! they are called by their number. Invariant: there is always a name.

/// The name of a user of this machine, or its number.
#[must_use]
pub fn name(uid: u32) -> String {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let number = uid.to_string();
    let mut users = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let user = users.find(|fields| fields.get(2) == Some(&number.as_str()));
    user.and_then(|fields| fields.first().map(|name| (*name).to_owned())).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_user_has_a_name_or_is_a_number() {
        assert_eq!(super::name(0), "root");
        assert_eq!(super::name(4_000_000_000), "4000000000");
    }
}
