from benchmarks.parsing import main


def test_every_parser_finds_all_records(capsys):
    found = main(["--problems", "4", "--checkpoints", "2", "--levels", "3", "--rounds", "1"])
    counts = {count for rounds in found.values() for _, _, count in rounds}
    assert len(counts) == 1
    assert counts.pop() > 40
    assert capsys.readouterr().out.count("|\n| ") == len(found)
