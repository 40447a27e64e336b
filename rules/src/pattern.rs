//! Patterns of names, as people know them from files: `*` is any characters, `?` is one.
//!
//! Here: that. Not here: which names there are.
//! Invariant: a pattern without `*` and `?` fits exactly itself.

/// Whether a name fits a pattern.
#[must_use]
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == name;
    }
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    // Where to go on when the last `*` takes one character more.
    let mut star: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let (before_pattern, before_name) = (pattern.clone(), name.clone());
        match (pattern.next(), name.next()) {
            (Some('*'), _) => {
                star = Some((pattern.clone(), before_name.clone()));
                name = before_name;
            }
            (None, None) => return true,
            (Some('?'), Some(_)) => {}
            (Some(a), Some(b)) if a == b => {}
            (_, None) => return before_pattern.clone().all(|c| c == '*'),
            (_, Some(_)) => {
                let Some((behind, mut taken)) = star.take() else { return false };
                taken.next();
                pattern = behind.clone();
                name = taken.clone();
                star = Some((behind, taken));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_go_back_to_their_last_star() {
        assert!(fits("a*b*c", "a_b_b_c") && fits("*", "") && fits("**x", "x") && fits("a*", "a"));
        assert!(fits("filler-?", "filler-1") && fits("*-1", "washer-1-1"));
        assert!(!fits("a*b", "a_c") && !fits("?", "") && !fits("ab", "abc") && !fits("a?", "a"));
    }

    proptest::proptest! {
        #[test]
        fn a_pattern_fits_what_it_was_made_of(name in "[a-c]{0,6}", cut in 0..6_usize, length in 0..6_usize) {
            let cut = cut.min(name.len());
            let end = (cut + length).min(name.len());
            let pattern = format!("{}*{}", &name[..cut], &name[end..]);
            proptest::prop_assert!(fits(&pattern, &name), "{pattern} {name}");
        }
    }
}
