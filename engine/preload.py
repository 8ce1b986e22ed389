"""What the fork server loads, so that training, sweeping and answering processes start at once.

Nothing is collected meanwhile: there is next to no garbage, and looking for it takes a fifth of
the time. Nor is any of it looked at later, else the first collection in each forked process would
copy all that memory.
"""

import gc

gc.disable()

import mnistop.engine.analysis.loading  # noqa: E402
import mnistop.engine.process.job  # noqa: E402
import mnistop.engine.sweep.job  # noqa: E402, F401

gc.freeze()
gc.enable()
