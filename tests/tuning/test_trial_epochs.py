"""A search says how far its trial is."""

import io
from types import SimpleNamespace

from genlab.console.pulse import Pulse
from genlab.tuning.trial_callbacks import TrialEpochs


def test_each_half_minute_it_says_the_epoch_and_what_is_left():
    stream, now = io.StringIO(), [0.0]
    watch = TrialEpochs(7, stream)
    watch.pulse = Pulse(lambda: now[0])
    watch.on_train_start(None, None)
    for epoch in range(5):
        now[0] += 12.0
        watch.on_train_epoch_end(SimpleNamespace(current_epoch=epoch, max_epochs=20), None)
    watch.teardown(None, None, "fit")
    assert stream.getvalue() == "trial 7      epoch 3/20   3 min left\n"
