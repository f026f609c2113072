"""What jobs on a cluster say arrives once, in whole lines, on the stream it was meant for."""

import sys

from genlab.sweeps.far_console import FOLDER, Listener, speaking


def test_what_a_job_says_is_told_once_and_in_whole_lines(tmp_path, capsys):
    with Listener(tmp_path) as console:
        with speaking(tmp_path, 3):
            print("job 4/5: Größe")
            print("half a ", end="")
            sys.stdout.flush()
            print("error: job 4/5", file=sys.stderr)
        console.tell()
        assert capsys.readouterr() == ("job 4/5: Größe\n", "error: job 4/5\n")
        with speaking(tmp_path, 3):  # its process was killed, and it began again
            print("line")
        console.tell()
        console.tell()
        assert capsys.readouterr() == ("half a line\n", "")
        console.forget(3)
        assert not list((tmp_path / FOLDER).iterdir())
        with speaking(tmp_path, 4):
            print("last")
    assert capsys.readouterr() == ("last\n", "")
    assert not (tmp_path / FOLDER).exists()
