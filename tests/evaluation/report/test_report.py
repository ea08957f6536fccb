import csv
import io
import json

import numpy as np
import pytest

from salseg.evaluation.evaluate import Settings, evaluate_folders
from salseg.evaluation.protocols import get_protocol
from salseg.io.annotations import read_truth
from salseg.evaluation.output import RowFile, WorstCases, as_json, latex_table, terminal_table, write_json
from tests.evaluation.trees import label_tree, map_tree, save_grey


@pytest.fixture
def compared(tmp_path):
    predictions, truth = map_tree(tmp_path, ['a_1', 'a_2', 'a_3'])
    for stem in ('a_1', 'a_3'):
        save_grey(tmp_path / f'half/{stem}.png', np.full((20, 26), 128))
    return evaluate_folders(
        {'ours_1': predictions, 'half': tmp_path / 'half'}, truth, 'sod', Settings(allow_missing=True)
    )


def test_every_table_says_protocol_and_counts_and_what_was_missing(compared):
    for text in (terminal_table(compared), latex_table(compared), json.dumps(as_json(compared))):
        assert 'sod' in text
        assert '3 images' in text
        assert '1 MISSING predictions scored as empty' in text


def test_the_terminal_marks_an_incomplete_method_and_the_best_values(compared):
    text = terminal_table(compared)
    assert '| half! ' in text
    assert 'not comparable' in text
    row = next(line for line in text.splitlines() if '| ours_1 ' in line)
    assert f'{compared.results[0].metrics["s_measure"]:.4f}*' in row


def test_what_a_video_protocol_drops_stands_in_the_table(tmp_path):
    predictions, truth = label_tree(tmp_path, {'v': 6})
    text = terminal_table(evaluate_folders({'m': predictions}, truth, 'davis17-semi'))
    assert 'counted: 1 video, 2 objects, 4 frames' in text
    assert 'dropped by the protocol: 2 annotated frames' in text


def test_latex_escapes_names_and_bolds_the_best(compared):
    text = latex_table(compared)
    assert r'ours\_1 & ' in text
    best = f'{compared.results[0].metrics["mae"]:.4f}'.lstrip('0')
    assert rf'\textbf{{{best}}}' in text
    assert text.count(r'\toprule') == text.count(r'\bottomrule') == 1


def test_json_has_no_nan_and_all_curves(tmp_path):
    save_grey(tmp_path / 'gt/1.png', np.zeros((5, 5)))
    save_grey(tmp_path / 'pred/1.png', np.zeros((5, 5)))
    evaluation = evaluate_folders({'m': tmp_path / 'pred'}, tmp_path / 'gt', 'sod')
    assert np.isnan(evaluation.results[0].metrics['auc'])
    read = json.loads(write_json(evaluation, tmp_path / 'out/metrics.json').read_text(encoding='utf-8'))
    (method,) = read['methods']
    assert method['metrics']['auc'] is None
    assert len(method['curves']['f_curve']) == 256
    assert read['protocol']['name'] == 'sod'


def test_the_csv_has_a_row_per_image_whose_mean_is_the_figure(tmp_path):
    predictions, truth = map_tree(tmp_path, [f'{i:02d}' for i in range(20)])
    file = io.StringIO()
    protocol = get_protocol('sod')
    evaluation = evaluate_folders({'m': predictions}, truth, protocol, sinks=[RowFile(protocol, file)])
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert len(rows) == 20
    for name in ('mae', 's_measure', 'mean_f'):
        mean = np.mean([float(row[name]) for row in rows])
        assert mean == pytest.approx(evaluation.results[0].metrics[name], abs=1e-6)
    assert {row['protocol'] for row in rows} == {'sod'}


def test_worst_cases_are_the_lowest_values_the_worst_first(tmp_path):
    predictions, truth = map_tree(tmp_path, [f'{i:02d}' for i in range(20)])
    for stem, value in (('07', 255), ('13', 200)):
        save_grey(predictions / f'{stem}.png', np.full((20, 26), value))
    protocol = get_protocol('sod')
    worst, file = WorstCases(protocol, 3), io.StringIO()
    evaluate_folders({'m': predictions}, truth, protocol, sinks=[worst, RowFile(protocol, file)])
    rows = sorted(csv.DictReader(io.StringIO(file.getvalue())), key=lambda row: float(row['s_measure']))
    assert [case.name for case in worst.of('m')] == [row['image'] for row in rows[:3]]


def test_without_the_usual_measure_the_largest_error_is_the_worst(tmp_path):
    predictions, truth = map_tree(tmp_path, ['1', '2', '3'])
    save_grey(predictions / '2.png', 255 - read_truth(truth / '2.png'))
    protocol = get_protocol('sod').with_options(metrics=('mae',))
    worst = WorstCases(protocol, 1)
    evaluate_folders({'m': predictions}, truth, protocol, sinks=[worst])
    assert [(case.name, case.metric) for case in worst.of('m')] == [('2', 'mae')]


def test_the_frame_of_a_worst_object_is_its_worst_frame(tmp_path):
    predictions, truth = label_tree(tmp_path, {'v': 6})
    save_grey(predictions / 'v/00003.png', np.zeros((24, 32)))
    protocol = get_protocol('davis17-semi')
    worst = WorstCases(protocol, 1)
    evaluate_folders({'m': predictions}, truth, protocol, sinks=[worst])
    assert worst.of('m')[0].item.stem == 'v/00003'
