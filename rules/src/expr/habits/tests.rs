//! What is told of each habit.

use crate::expr::lex::tokens;

/// The help of each mistake of a text.
fn fixes(text: &str) -> Vec<String> {
    tokens(text).1.into_iter().map(|m| m.help.unwrap_or(m.message)).collect()
}

#[track_caller]
fn fix(text: &str, expected: &str) {
    assert_eq!(fixes(text), [expected], "{text}");
}

#[test]
fn signs_of_other_languages_show_their_fix() {
    fix("a := 1", "write `=`");
    fix("a => 1", "for \"greater or equal\" write `>=`");
    fix("a =< 1", "for \"less or equal\" write `<=`");
    fix("a ≥ 1", "write `>=`");
    fix("a & b", "write `and`");
    fix("a > –5", "write `-`");
    fix("a > 5;", "leave it out");
    fix("a > 5 // why", "put it behind the closing quote: when = \"…\"  # comment");
    fix("a > 5 (* why *) and b", "put it behind the closing quote: when = \"…\"  # comment");
    fix("a in {1, 2]", "a list stands in square brackets: [A, B]");
    assert_eq!(fixes("a && b || c"), [""; 0]);
}

#[test]
fn names_and_constants_of_a_plc_show_their_fix() {
    fix("%MW10 > 5", "write the name that the tag has in agent.toml, under [[source.tag]] with its address");
    fix("\"Motor_On\" and b", "write `Motor_On`");
    fix("\"Motor On\" and b", "write it in backticks: `` `Motor On` ``");
    fix(
        "\"DB_Filler\".Speed > 5",
        "write the name that `\"DB_Filler\".Speed` has in agent.toml, which names the address of each tag",
    );
    fix("#temp > 5", "write the name of a tag of agent.toml, which names the address of each tag");
    fix("a = 16#FF", "write `255`; to ask for one bit, write `has(tag, 3)`");
    fix("a = 0x1F", "write `31`; to ask for one bit, write `has(tag, 3)`");
    fix("a = 2#1010_0001", "write `161`; to ask for one bit, write `has(tag, 3)`");
    fix("a = 7#66", "write it as a decimal number");
    fix("a = DINT#5", "write `5`");
    assert_eq!(fixes("a = WORD#16#FF").len(), 2);
    assert_eq!(fixes("age(a) > S5T#1M30S or age(a) > LTIME#5s"), [""; 0]);
}

#[test]
fn texts_in_other_quotes_show_their_fix() {
    fix("a = „x“", "write 'x'");
    fix("a = ‘x y’", "write 'x y'");
    fix("a = \"x\"", "write 'x', and double quotes around the condition: when = \"tag = 'x'\"");
    fix("a in [\"x\", 'y']", "write 'x', and double quotes around the condition: when = \"tag = 'x'\"");
    fix("a = „x", "use straight single quotes: 'text'");
}

#[test]
fn words_of_other_languages_are_known_where_no_name_can_stand() {
    fix("a > 4 und b", "write `and`");
    fix("a > 4 bar ODER b", "write `or`");
    fix("nicht a > 4", "write `not`");
    fix("a größer als 4", "write `>`");
    fix("a ist 4", "write `=`");
    fix("a in 4 bis 5", "write `..`");
    assert_eq!(fixes("wenn a > 4 dann").len(), 2);
    assert_eq!(fixes("und > 4 and oder and nicht and wenn"), [""; 0], "they may be tags");
}

#[test]
fn what_nobody_sees_is_named() {
    assert_eq!(tokens("a\u{200b} > 4").1[0].message, "an invisible character (U+200B)");
    assert!(tokens("Fu\u{308}ller > 4").1[0].message.contains("U+0308"));
    assert_eq!(fixes("a\u{a0}>\u{202f}4\u{a0}bar"), [""; 0], "blanks of any width are blanks");
}
