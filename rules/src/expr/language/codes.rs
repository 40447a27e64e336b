//! Tests of codes, bits and truths.

use super::*;

#[test]
fn codes_have_names() {
    assert_eq!(canonical("WS_Cur_State = Operating"), "(`WS_Cur_State` = 128)");
    assert_eq!(canonical("Operating = WS_Cur_State"), "(128 = `WS_Cur_State`)");
    assert_eq!(canonical("WS_Cur_State = 128"), "(`WS_Cur_State` = 128)");
    assert_eq!(canonical("WS_Cur_State = `Equipment Failure`"), "(`WS_Cur_State` = 1024)");
    assert_eq!(canonical("WS_Cur_State = running"), "(`WS_Cur_State` = 128)");
    assert_eq!(canonical("WS_Cur_Prog in [Clean, Maintenance]"), "(`WS_Cur_Prog` in [8, 32])");
    assert_eq!(canonical("(WS_Cur_State else Idle) = Idle"), "(first(`WS_Cur_State`, 32768) = 32768)");
    assert_eq!(canonical("prev(WS_Cur_State) = Operating"), "(prev(`WS_Cur_State`) = 128)");
    assert_eq!(canonical("weekday() in [Saturday, Sunday]"), "(weekday() in [6, 7])");
    assert_eq!(canonical("weekday() <= Friday"), "(weekday() <= 5)");
    holds("WS_Cur_State <> Operating", &[I(3)]);
    says(
        "WS_Cur_State = Operatng",
        &[
            "R215 Operatng: `Operatng` is not a name of the table ws09_state (no such name; did you mean `Operating`?)",
        ],
    );
    says(
        "WS_Cur_State = 'Operating'",
        &[
            "R204 WS_Cur_State = 'Operating': Enum cannot be compared with Text (different types; names of codes stand without quotes: `Operating`)",
        ],
    );
    says(
        "WS_Cur_State > Operating",
        &[
            "R204 WS_Cur_State > Operating: `>` compares numbers, this is Enum (use `=` or `<>`; write `x in [A, B]`: codes have no order)",
        ],
    );
    says(
        "WS_Cur_State = WS_Cur_Prog",
        &["R204 WS_Cur_State = WS_Cur_Prog: ws09_state cannot be compared with ws09_prog (different types)"],
    );
    says(
        "WS_Cur_State + 1 = 3",
        &["R204 WS_Cur_State: `+` needs numbers, this is Enum (`WS_Cur_State` is of type Enum)"],
    );
}

#[test]
fn a_code_that_is_not_listed_equals_nothing_and_is_no_code_to_compare_with() {
    says(
        "WS_Cur_Prog = 3",
        &[
            "R215 3: 3 is not a code of the table ws09_prog (a code that is not listed equals nothing; codes: Undefined 0, Production 1, StartUp 2, RunDown 4, Clean 8, Changeover 16, Maintenance 32, Break 64; a table of your own stands in agent.toml under [enum.NAME])",
        ],
    );
    holds("WS_Cur_State = prev(WS_Cur_State) or WS_Cur_State = 1", &[I(1)]);
    let same = |a: Held, b: Held| judge("WS_Cur_State = state", &[a, b]);
    assert_eq!(same(Ok(I(128)), Ok(I(128))), Truth::True);
    assert_eq!(same(Ok(I(3)), Ok(I(3))), Truth::False);
    assert_eq!(same(Ok(I(3)), Ok(I(128))), Truth::False);
    assert_eq!(same(Ok(I(3)), Err(Unknown::Bad)), Truth::Unknown);
    assert_eq!(same(Err(Unknown::Bad), Ok(I(3))), Truth::Unknown);
    let differs = |a: Held, b: Held| judge("state <> WS_Cur_State", &[a, b]);
    assert_eq!(differs(Ok(I(3)), Ok(I(3))), Truth::True);
    assert_eq!(differs(Ok(I(128)), Ok(I(128))), Truth::False);
    assert_eq!(differs(Ok(I(128)), Ok(I(1))), Truth::True);
    assert_eq!(differs(Ok(I(3)), Err(Unknown::Bad)), Truth::Unknown);
}

#[test]
fn bits_have_names() {
    assert_eq!(canonical("has(alarms, Jam)"), "has5(`alarms`)");
    assert_eq!(canonical("has(alarms, 5) or has(state, 3)"), "(has5(`alarms`) or has3(`state`))");
    assert_eq!(canonical("alarms = 0"), "(`alarms` = 0)");
    holds("has(alarms, Jam) and not has(alarms, DoorOpen)", &[I(0b10_0000)]);
    says(
        "has(alarms, Jamm)",
        &["R215 Jamm: `Jamm` is not a name of the table alarms (no such name; did you mean `Jam`?)"],
    );
    says(
        "has(alarms, 64)",
        &[
            "R206 64: the name or the place of a bit is expected (bits are counted from 0 to 63; write `has(tag, Name)` or `has(tag, 3)`)",
        ],
    );
    says(
        "has(WS_Cur_State, Idle)",
        &[
            "R204 WS_Cur_State: `has` looks at a bit field, this is Enum (`WS_Cur_State` is of type Enum; write `WS_Cur_State = Idle`)",
        ],
    );
    assert_eq!(mistakes("alarms").len(), 1);
}

#[test]
fn a_bool_is_no_number() {
    says(
        "pump = 1",
        &[
            "R204 pump = 1: Bool cannot be compared with Int (different types; `pump` is a Bool: write `pump` or `not pump`)",
        ],
    );
    says(
        "pressure",
        &[
            "R202 pressure: a condition is expected (`pressure` is of type Float; compare it, for example `pressure > 0`)",
        ],
    );
    says("pump > door", &["R204 pump > door: `>` compares numbers, this is Bool (use `=` or `<>`)"]);
    assert_eq!(canonical("pump = true and pump <> door"), "((`pump` = true) and (`pump` <> `door`))");
    assert_eq!(canonical("(pressure > 4) = pump"), "((`pressure` > 4) = `pump`)");
}
