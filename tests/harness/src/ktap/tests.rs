// SPDX-License-Identifier: GPL-2.0

//! What counts as a failure.

use super::*;

fn counts(text: &str) -> (usize, usize, usize) {
    let Counts {
        passed,
        failed,
        skipped,
    } = Report::parse(text).counts();
    (passed, failed, skipped)
}

fn problem(text: &str) -> String {
    let report = Report::parse(text);
    assert_eq!(report.problems.len(), 1, "{report:?}");
    report.problems[0].clone()
}

#[test]
fn all_passed() {
    let text = "TAP version 13\n1..2\n# setting up\nok 1 - reads pool_id\nok 2 reads vm_id\n";
    let report = Report::parse(text);
    assert_eq!(report.results[0].name, "reads pool_id");
    assert_eq!(report.results[0].diagnostics, ["setting up"]);
    assert_eq!(report.results[1].name, "reads vm_id");
    report.check(false).unwrap();
}

#[test]
fn a_failure_is_named_with_its_diagnostics() {
    let text = "KTAP version 1\n1..2\n# got 'A'\nnot ok 1 pool\nok 2 id\n";
    let error = Report::parse(text).check(true).unwrap_err().to_string();
    assert_eq!(
        error,
        "1 passed, 1 failed, 0 skipped\nfailed: pool\n    | got 'A'"
    );
}

#[test]
fn a_skip_fails_unless_it_is_allowed() {
    let text = "TAP version 13\n1..2\nok 1 a\nok 2 b # SKIP no driver\n";
    let report = Report::parse(text);
    assert_eq!(report.results[1].outcome, Outcome::Skip("no driver".into()));
    assert!(
        report
            .check(false)
            .unwrap_err()
            .to_string()
            .contains("no driver")
    );
    report.check(true).unwrap();
}

#[test]
fn an_expected_failure_passes() {
    assert_eq!(
        counts("TAP version 13\n1..1\nnot ok 1 a # XFAIL later\n"),
        (1, 0, 0)
    );
}

#[test]
fn any_other_directive_of_a_failure_is_a_failure() {
    assert_eq!(
        counts("TAP version 13\n1..1\nnot ok 1 a # TIMEOUT 45 s\n"),
        (0, 1, 0)
    );
    assert_eq!(
        counts("TAP version 13\n1..1\nnot ok 1 a # exit=1\n"),
        (0, 1, 0)
    );
}

#[test]
fn nothing_at_all_is_a_failure() {
    assert!(Report::parse("").check(true).is_err());
}

#[test]
fn output_without_a_version_is_a_failure() {
    let text = "sh: ./test: not found\n";
    let report = Report::parse(text);
    assert!(report.problems[0].contains("not found"), "{report:?}");
    assert!(report.check(true).is_err());
}

#[test]
fn a_missing_plan_is_a_failure() {
    assert_eq!(
        problem("TAP version 13\nok 1 a\n"),
        "the output has no plan"
    );
}

#[test]
fn a_plan_may_come_last() {
    assert_eq!(counts("TAP version 13\nok 1 a\nok 2 b\n1..2\n"), (2, 0, 0));
}

#[test]
fn fewer_or_more_results_than_planned_are_a_failure() {
    assert_eq!(
        problem("TAP version 13\n1..3\nok 1 a\n"),
        "the output planned 3 tests and gave 1 results"
    );
    assert_eq!(
        problem("TAP version 13\n1..1\nok 1 a\nok 2 b\n"),
        "the output planned 1 tests and gave 2 results"
    );
}

#[test]
fn a_number_out_of_order_is_a_failure() {
    assert!(problem("TAP version 13\n1..2\nok 1 a\nok 3 b\n").contains("number 3"));
}

#[test]
fn a_bail_out_is_a_failure_and_says_why() {
    assert_eq!(
        problem("TAP version 13\n1..3\nok 1 a\nBail out! no device\n"),
        "the output bailed out: no device"
    );
}

#[test]
fn a_plan_of_nothing_with_a_reason_is_a_skip() {
    let report = Report::parse("TAP version 13\n1..0 # SKIP needs root\n");
    assert_eq!(
        report.results[0].outcome,
        Outcome::Skip("needs root".into())
    );
    assert!(report.check(false).is_err());
    report.check(true).unwrap();
}

#[test]
fn a_plan_of_nothing_is_no_success() {
    assert!(Report::parse("TAP version 13\n1..0\n").check(true).is_err());
}

const NESTED: &str = "\
KTAP version 1
1..2
  KTAP version 1
  1..2
    KTAP version 1
    1..1
    # diagnostic
    ok 1 deep
  ok 1 middle
  not ok 2 other
not ok 1 suite
ok 2 alone
";

#[test]
fn subtests_are_counted_in_place_of_what_they_are_part_of() {
    let report = Report::parse(NESTED);
    let names: Vec<_> = report.results.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["suite: middle: deep", "suite: other", "alone"]);
    assert_eq!(counts(NESTED), (2, 1, 0));
    assert!(report.problems.is_empty(), "{report:?}");
}

#[test]
fn a_test_that_fails_though_its_subtests_pass_is_a_failure() {
    let text = "KTAP version 1\n1..1\n  1..1\n  ok 1 inner\nnot ok 1 outer\n";
    assert_eq!(counts(text), (1, 1, 0));
}

#[test]
fn a_plan_of_subtests_is_held_against_them() {
    let text = "KTAP version 1\n1..1\n  1..2\n  ok 1 inner\nok 1 outer\n";
    assert_eq!(problem(text), "outer planned 2 tests and gave 1 results");
}

#[test]
fn output_that_ends_in_the_middle_of_subtests_is_a_failure() {
    let text = "KTAP version 1\n1..1\n  1..2\n  ok 1 inner\n";
    assert!(Report::parse(text).check(true).is_err());
}

#[test]
fn other_output_in_between_does_no_harm() {
    let text = "TAP version 13\n1..1\n[ 12.3] usb: something\n  indented\nok 1 a\n";
    assert_eq!(counts(text), (1, 0, 0));
}

#[test]
fn words_that_begin_with_ok_are_no_results() {
    assert_eq!(counts("TAP version 13\n1..1\nokay\nok 1 a\n"), (1, 0, 0));
}
