//! What is understood, and what is told of what is not.

use super::*;

fn canonical(text: &str) -> String {
    parse(text).unwrap().to_string()
}

#[test]
fn precedence_is_minus_product_sum_comparison_not_and_xor_or() {
    assert_eq!(canonical("not a > 1 and b or c xor d"), "((not (`a` > 1) and `b`) or (`c` xor `d`))");
    assert_eq!(canonical("(a or b) and c"), "((`a` or `b`) and `c`)");
    assert_eq!(canonical("a + b * -c / 2 - d > 1"), "((`a` + (`b` * -(`c`) / 2) - `d`) > 1)");
    assert_eq!(canonical("not a in [X, Y] and b"), "(not (`a` in [`X`, `Y`]) and `b`)");
    assert_eq!(canonical("t + 1 in 72 °C .. 87 °C"), "((`t` + 1) in 72 °C .. 87 °C)");
    assert_eq!(canonical("a and b and c"), "(`a` and `b` and `c`)");
}

#[test]
fn functions_else_and_other_machines_have_their_forms() {
    assert_eq!(canonical("avg(p, 1 min)>(q else 0)"), "(avg(`p`, 1 min) > (`q` else 0))");
    assert_eq!(canonical("`washer-1`.pressure > `a`.`b c`"), "(`washer-1`.`pressure` > `a`.`b c`)");
    assert_eq!(canonical("hour() = 6"), "(hour() = 6)");
    assert_eq!(canonical("(a else b else 3) > 1"), "((`a` else `b` else 3) > 1)");
}

#[test]
fn spelling_does_not_change_the_canonical_form() {
    assert_eq!(canonical("  a==1 && !(b) "), canonical("a = 1 AND NOT b"));
    assert_eq!(canonical("a > -4.50 bar"), "(`a` > -4.5 bar)");
    assert_eq!(canonical("age(a) > T#5M"), canonical("age(a)>300000ms"));
}

#[test]
fn mistakes_are_found_at_their_place() {
    let at = |text: &str| {
        let mistakes = parse(text).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{text}: {mistakes:?}");
        mistakes[0].span.clone()
    };
    assert_eq!(at("a > "), 4..4);
    assert_eq!(at("(a > 1"), 6..6);
    assert_eq!(at("((a > 1"), 7..7);
    assert_eq!(at("a > 1)"), 5..6);
    assert_eq!(at("a > 1 'b'"), 6..9);
    assert_eq!(at("1 < a < 3"), 6..7);
    assert_eq!(at("a and and b"), 6..9);
    assert_eq!(at("+ a > 1"), 0..1);
    assert_eq!(at("a in 3"), 6..6);
    assert_eq!(at("a in []"), 5..7);
    assert_eq!(at("a not in [1]"), 2..5);
    assert_eq!(at("`m`. > 3"), 5..6);
}

#[test]
fn else_outside_brackets_shows_its_fix() {
    let mistake = &parse("x else 3 > 4").unwrap_err()[0];
    assert_eq!((mistake.span.clone(), mistake.label.as_str()), (2..6, "`else` needs brackets"));
    let inside = parse("avg(x else 3, 1 min) > 4").unwrap_err();
    assert!(inside.len() == 1 && inside[0].help.as_ref().unwrap().contains("brackets of its own"));
}

/// The places of all mistakes of a text.
fn places(text: &str) -> Vec<Range<usize>> {
    parse(text).unwrap_err().into_iter().map(|m| m.span).collect()
}

#[test]
fn all_mistakes_of_an_expression_come_in_one_run() {
    assert_eq!(places("a > and b < 2 or > 3"), [4..7, 17..18]);
    assert_eq!(places("a := 1 and b => 2 and c > 4,5"), [2..4, 13..15, 26..29]);
    assert_eq!(places("(a > and b) and c in 3 or d <"), [5..8, 23..25, 29..29]);
    assert_eq!(places("1 < a < 3 and not b not in [1] or (c"), [6..7, 20..23, 36..36]);
    assert_eq!(places("x in [1 2, , 3] and y ="), [8..9, 11..12, 23..23]);
    assert_eq!(places("a > 1) and b > x c and d > "), [5..6, 17..18, 27..27]);
    assert_eq!(places("(x in [A, B) and y > "), [11..12, 21..21]);
    assert_eq!(places("(a > "), [5..5, 5..5], "a value and a bracket are missing");
}

#[test]
fn what_is_not_understood_is_a_hole_and_the_rest_is_read() {
    let tree = |text: &str| {
        let Parsed { expr, mistakes } = read(text);
        assert_ne!(mistakes, [], "{text}");
        expr.to_string()
    };
    assert_eq!(tree("a > > 4 and b < 2"), "(? and (`b` < 2))");
    assert_eq!(tree("1 < a < 3"), "((1 < `a`) and (`a` < 3))");
    assert_eq!(tree("a not in [X]"), "not (`a` in [`X`])");
    assert_eq!(tree("a between 3 and 4"), "(`a` in 3 .. 4)");
    assert_eq!(tree("AND(a; OR(b > 4; c))"), "(`a` and ((`b` > 4) or `c`))");
    assert_eq!(tree("UND(a; b)"), "(`a` and `b`)");
    assert_eq!(tree("x in [A B, C]"), "((`x` in [?, `C`]) and ?)");
    assert_eq!(tree("(a > 1 and b"), "(((`a` > 1) and `b`) and ?)");
    assert_eq!(tree("avg(a, 1 min > 4"), "(? and ?)");
    assert_eq!(tree("=a > 4,5"), "(`a` > 4.5)");
    assert_eq!(tree("a\u{200b}b > 4 and c"), "((`ab` > 4) and `c`)");
    assert_eq!(tree(&format!("{}a", "(".repeat(65))), "?");
}

#[test]
fn what_follows_from_a_mistake_is_not_told_as_another() {
    for text in [
        "avg pressure, 1 min) > 4 and b > 1",
        "a ? b",
        "recipe = ‘Cola’ and b",
        "(%MW10 > 5) and b",
        "a > 1)) and b",
        "x in [A, B) and y > 2",
        "(x in [A, B) and y > 2",
        "a in {A, B]",
        "f(a b c, d) > 2",
        "a b c d e f",
        "AND(a > 4, b)",
        "a in ('A', 'B')",
        "pres\u{200b}sure > 4 and b",
        "Fu\u{308}llstand > 4",
        "a mod 2 = 0",
        "a ? b : c",
        "a = \u{201e}x",
        "x ** 2 > 4",
        "recipe like 'A%'",
        "a > 4 THEN b := TRUE; END_IF;",
        "Temp[3] > 4",
        "${a} > 4 and b",
        "4 bar(g) < a",
        "a > 5 Flaschen pro Stunde and b",
        "a in range(1, 5)",
        ".5 bar < a",
        "a > 1'000",
    ] {
        assert_eq!(places(text).len(), 1, "{text}: {:?}", parse(text).unwrap_err());
    }
}

#[test]
fn depth_and_length_are_bounded_and_chains_are_not() {
    assert!(parse(&format!("{}a{}", "(".repeat(64), ")".repeat(64))).is_ok());
    assert_eq!(parse(&format!("{}a", "(".repeat(65))).unwrap_err()[0].code, "R106");
    assert_eq!(parse(&"not ".repeat(900)).unwrap_err()[0].code, "R106");
    assert_eq!(parse(&format!("{}1 > 2", "-".repeat(900))).unwrap_err()[0].code, "R106");
    assert_eq!(parse(&format!("{}a", "(".repeat(900))).unwrap_err().len(), 1, "once");
    assert_eq!(parse(&"a or ".repeat(1000)).unwrap_err()[0].code, "R106");
    assert!(parse(&format!("{}a", "a+".repeat(2000))).is_ok());
    assert!(parse(&format!("{}a", "a or ".repeat(800))).is_ok());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,80}") {
        parse(&text).ok();
    }

    #[test]
    fn no_row_of_words_makes_it_panic(text in "(a|b|`c`|1|2 bar|5 min|'x'|not|and|or|in|else|avg|\\(|\\)|\\[|\\]|,|\\.\\.|\\.|-|\\+|\\*|/|<|=| ){0,40}") {
        let Parsed { expr, mistakes } = read(&text);
        proptest::prop_assert!(!mistakes.is_empty() || !expr.to_string().contains('?'), "a hole that nobody is told of");
        if mistakes.is_empty() {
            proptest::prop_assert_eq!(canonical(&expr.to_string()), expr.to_string());
        }
    }

    #[test]
    fn the_canonical_form_is_its_own_canonical_form(
        text in "(not )?(a|b) (>|<=|=) -?[0-9]{1,3}(\\.[0-9]{1,2})?( bar)? (and|or|xor) (c|'x y' = d|not e)"
    ) {
        let once = canonical(&text);
        proptest::prop_assert_eq!(canonical(&once), once);
    }
}
