"""What the fork server loads, so that training and answering processes start at once."""

import sklearn.model_selection  # noqa: F401

import engine.job
import engine.questions  # noqa: F401
