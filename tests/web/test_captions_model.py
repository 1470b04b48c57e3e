"""What the caption editor does to captions, asked of its own modules under node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.web import node

pytestmark = node.needs_node

SCENE = """
import { Model } from "./model.js";
import { Refused, found } from "./operations.js";
import { problems } from "./checks.js";
import { clock, seconds } from "./times.js";
let moment = 0;
const heard = [];
const model = new Model({ changed: (focus) => heard.push(focus), now: () => moment });
const refusal = (act) => {
  try { act(); return null; } catch (error) {
    if (error instanceof Refused) return error.code;
    throw error;
  }
};
const said = () => model.captions.map(({ start, end, text }) => [start, end, text]);
const load = (...rows) =>
  model.load({ captions: rows.map(([start, end, text]) => ({ start, end, text })), style: {} });
"""


@pytest.fixture
def js(tmp_path: Path) -> Callable[[str], Any]:
    """Run a scene with the editor's modules; what it `return`s comes back."""

    def run(body: str) -> Any:
        script = f"{SCENE}\nconsole.log(JSON.stringify((() => {{ {body} }})()));"
        return node.run(tmp_path, script)

    return run


def test_times_are_written_and_read_back(js: Any) -> None:
    assert js("return [0, 62.345, 3599.9996, 359999.999].map(clock)") == [
        "00:00:00.000",
        "00:01:02.345",
        "01:00:00.000",
        "99:59:59.999",
    ]
    written = "['62.5', '1:02.5', '00:01:02,345', '1:75', '1:60:00', '-1', 'soon', '']"
    assert js(f"return {written}.map(seconds)") == [62.5, 62.5, 62.345, *[None] * 5]


def test_split_at_the_cursor_shares_time_by_the_words(js: Any) -> None:
    body = "load([10, 20, 'Hello there']); model.split(1, { cursor: 5 }); return said()"

    assert js(body) == [[10, 14.545, "Hello"], [14.545, 20, "there"]]


def test_split_at_a_moment_cuts_the_words_at_the_nearest_space(js: Any) -> None:
    body = "load([0, 10, 'один два три']); model.split(1, { at: 6 }); return said()"

    assert js(body) == [[0, 6, "один два"], [6, 10, "три"]]


@pytest.mark.parametrize(
    ("rows", "act", "code"),
    [
        ("[0, 0.15, 'x y']", "model.split(1, { cursor: 1 })", "too-short"),
        ("[0, 4, 'x y']", "model.split(1, { at: 9 })", "outside"),
        ("[0, 4, 'x y']", "model.merge(1)", "last"),
        ("[0, 4, 'x y']", "model.remove(7)", "none"),
        ("[2, 4, 'x y']", "model.shift(-2.5)", "before-zero"),
        ("[2, 4, 'x y']", "model.shift(4e5)", "too-late"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    js: Any, rows: str, act: str, code: str
) -> None:
    body = f"load({rows}); const before = said(); const why = refusal(() => {act});"

    assert js(f"{body} return [why, said().join() === before.join(), model.canUndo]") == [
        code,
        True,
        False,
    ]


def test_merging_gives_back_what_a_split_parted(js: Any) -> None:
    body = "load([0, 4, 'one two']); model.split(1, { cursor: 3 }); model.merge(1); return said()"

    assert js(body) == [[0, 4, "one two"]]


def test_merging_keeps_lines_and_the_later_end(js: Any) -> None:
    body = "load([0, 9, '- Yes?'], [4, 5, '- No.']); model.merge(1); return said()"

    assert js(body) == [[0, 9, "- Yes?\n- No."]]


def test_start_behind_the_end_takes_the_caption_along(js: Any) -> None:
    body = """
        load([1, 3, "a"], [5, 6, "b"]);
        model.start(1, 8); const along = said();
        model.end(1, 2); const back = said();
        return [along, back];
    """

    assert js(body) == [
        [[5, 6, "b"], [8, 10, "a"]],
        [[0, 2, "a"], [5, 6, "b"]],
    ]


def test_dragging_never_turns_a_caption_over(js: Any) -> None:
    body = "load([1, 3, 'a']); model.time(1, 5, 3); model.time(1, -4, -3); return said()"

    assert js(body) == [[0, 0.1, "a"]]


def test_new_caption_takes_the_room_before_the_next(js: Any) -> None:
    body = "load([0, 1, 'a'], [2.2, 3, 'b']); model.insert(1); model.insert(9); return said()"

    assert js(body) == [[0, 1, "a"], [1, 2.2, ""], [2.2, 3, "b"], [9, 11, ""]]


def test_shift_moves_all_or_the_rest(js: Any) -> None:
    body = """
        load([1, 2, "a"], [3, 4, "b"]);
        model.shift(0.1); model.shift(-1, 2);
        return said();
    """

    assert js(body) == [[1.1, 2.1, "a"], [2.1, 3.1, "b"]]


def test_search_takes_signs_as_they_are_and_any_case_unless_told(js: Any) -> None:
    body = """
        load([0, 1, "What? (ПРИВЕТ) what?"], [1, 2, "WHAT?"]);
        const count = (...asked) => found(model.captions, ...asked).length;
        return [count("what?"), count("what?", { exactCase: true }), count("(привет)"),
                count("(привет)", { exactCase: true }), count(".*"), count("")];
    """

    assert js(body) == [3, 1, 1, 0, 0, 0]


def test_replacement_is_literal_and_one_step_back(js: Any) -> None:
    body = """
        load([0, 1, "a.b a.b"], [1, 2, "axb"]);
        model.replaceAll("a.b", "$& $1"); const after = said();
        model.undo();
        model.replaceAt(found(model.captions, "a.b")[1], "c");
        return [after[0][2], after[1][2], said()[0][2], model.canRedo];
    """

    assert js(body) == ["$& $1 $& $1", "axb", "a.b c", False]


def test_replacing_nothing_is_no_step(js: Any) -> None:
    body = "load([0, 1, 'a']); model.replaceAll('z', 'y'); return [model.canUndo, heard.length]"

    assert js(body) == [False, 1]


def test_typing_on_is_one_step_and_a_pause_begins_another(js: Any) -> None:
    body = """
        load([0, 1, ""]);
        for (const text of ["H", "He", "Hey"]) { model.write(1, text); moment += 300; }
        moment += 5000; model.write(1, "Hey you");
        const steps = [said()[0][2]];
        while (model.undo()) steps.push(said()[0][2]);
        while (model.redo()) steps.push(said()[0][2]);
        return steps;
    """

    assert js(body) == ["Hey you", "Hey", "", "Hey", "Hey you"]


def test_style_goes_back_with_undo_too(js: Any) -> None:
    body = """
        load([0, 1, "a"]); model.restyle({ box: true }); model.restyle({ box: true });
        const styled = model.plain().style; model.undo();
        return [styled, model.plain().style, model.canUndo];
    """

    assert js(body) == [{"box": True}, {}, False]


def test_import_can_be_taken_back(js: Any) -> None:
    body = """
        load([0, 1, "mine"]);
        model.replace([{ start: 4, end: 5, text: "b" }, { start: 1, end: 2, text: "a" }]);
        const theirs = said(); model.undo(); return [theirs, said()];
    """

    assert js(body) == [[[1, 2, "a"], [4, 5, "b"]], [[0, 1, "mine"]]]


def test_problems_are_told_and_clean_captions_have_none(js: Any) -> None:
    body = """
        load([0, 3, "fine"], [4, 6, "over"], [5, 5.2, "x"], [7, 8, "much too much for one second"],
             [20, 22, " "]);
        return problems(model.captions, 10).map((row) => row.map(({ code }) => code));
    """

    assert js(body) == [
        [],
        ["overlap-next"],
        ["overlap-former", "short"],
        ["fast"],
        ["blank", "late"],
    ]


def test_signs_above_letters_are_not_counted_as_letters(js: Any) -> None:
    body = "load([0, 1, 'বাংলা ভাষা আমার মায়ের ভাষা']); return problems(model.captions)[0]"

    assert js(body) == []


def test_any_row_of_steps_can_be_taken_back_and_leaves_captions_in_order(js: Any) -> None:
    body = """
        let seed = 7;
        const any = (most) => { seed = (seed * 48271) % 2147483647; return seed % most; };
        load(...Array.from({ length: 20 }, (_, i) => [i * 2, i * 2 + 1.5, `words of ${i}`]));
        const before = JSON.stringify(said());
        for (let turn = 0; turn < 250; turn += 1) {
          const id = model.captions[any(model.captions.length || 1)]?.id ?? 0;
          const acts = [
            () => model.split(id, { cursor: any(9) }), () => model.split(id, { at: any(60) }),
            () => model.merge(id), () => model.insert(any(80)), () => model.shift(any(9) - 4, id),
            () => model.start(id, any(70)), () => model.end(id, any(70)),
            () => model.time(id, any(70), any(70)), () => model.replaceAll("o", "oo "),
            () => model.write(id, `w ${turn}`), () => turn % 9 || model.remove(id),
          ];
          refusal(acts[any(acts.length)]);
          for (const [index, { start, end }] of model.captions.entries()) {
            const next = model.captions[index + 1];
            const inOrder = !next || start <= next.start;
            if (!(start >= 0 && start < end && inOrder)) return ["broken", turn];
          }
        }
        const after = JSON.stringify(said());
        while (model.undo());
        const back = JSON.stringify(said()) === before;
        while (model.redo());
        return [back, JSON.stringify(said()) === after, after !== before];
    """

    assert js(body) == [True, True, True]


def test_five_thousand_captions_are_changed_quickly(js: Any) -> None:
    body = """
        load(...Array.from({ length: 5000 }, (_, i) => [i, i + 0.9, `words of caption ${i}`]));
        const begun = performance.now();
        for (let turn = 0; turn < 100; turn += 1) {
          model.write(2500, `turn ${turn}`); moment += 5000; problems(model.captions);
        }
        return (performance.now() - begun) / 100;
    """

    assert js(body) < 50  # milliseconds a keystroke
