"""What the fork server loads, so that training, sweeping and answering processes start at once."""

import gc

import engine.job
import engine.questions
import engine.sweep_job  # noqa: F401

gc.collect()
gc.freeze()  # else the first collection in each forked process would copy all that memory
