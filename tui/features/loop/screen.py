"""The training loop line by line: run a line, and see what it did."""

from __future__ import annotations

from collections.abc import Sequence

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.loop.model import LoopModel
from mnistop.tui.features.loop.panes import LoopPanes
from mnistop.tui.session.run_screen import ScreenWanted
from mnistop.tui.session.view import WRONG_FORM, HostedScreen
from mnistop.tui.toolkit.bindings import IMAGES, ZOOM, bindings, declared, hidden, key
from mnistop.tui.toolkit.dialogs import Section

_OF_A_STATE = ("run", "steps", "undo", "start_over", "image", "weight", "parameter", "steepest")
"""Actions that need a loop."""


class LoopScreen(HostedScreen):
    """The code of the loop, the numbers that its last line has computed, an image and the losses.

    Args:
        terminal: what the terminal can show.
    """

    NAME = "loop"

    BINDINGS = bindings(
        "loop",
        key("line", "enter,space", "run", "Next line", "Run the next line of the loop"),
        key("step", "s", "steps(1)", "Step", "Run to the end of this step, or a whole one"),
        key("ten", "t", "steps(10)", "Ten steps", "Run ten steps"),
        key("undo", "u,backspace", "undo", "Line back", "Go back by a line"),
        key("over", "0", "start_over", "Start over", "Start over, from the untrained model"),
        key("next", "n", "image(1)", "Image", "The next image of the batch", "n/p"),
        hidden("previous", "p", "image(-1)", "Previous", "The previous image of the batch"),
        key("left", "left,h", "weight(0, -1)", "Weight", "The weight of the input before", "←↑↓→"),
        hidden("right", "right,l", "weight(0, 1)", "Right", "The weight of the next input"),
        hidden("up", "up,k", "weight(-1, 0)", "Up", "The weight of the neuron before"),
        hidden("down", "down,j", "weight(1, 0)", "Down", "The weight of the next neuron"),
        key("layer", "x", "parameter(1)", "Layer", "The weights or biases of the next layer"),
        hidden("layer_before", "X", "parameter(-1)", "Layer before", "Those of the layer before"),
        hidden("steepest", "g", "steepest", "Steepest", "The weight of the largest gradient here"),
        hidden("code", "C", "code", "Code", "These settings as a PyTorch script or notebook"),
        ZOOM,
        IMAGES,
    )

    EXPLANATION = (
        "The loop of the settings in the form, from the untrained model on, with the batches of a "
        "training with the same seed. It makes no run. Enter runs a line, s a step, t ten steps."
    )

    def __init__(self, terminal: Terminal) -> None:
        self._model = LoopModel(self, self._show)
        self._panes = LoopPanes(terminal)
        super().__init__(terminal, self._panes)

    def on_mount(self) -> None:
        """Start with the numbers, and show how long loading takes."""
        self._panes.go_to(self._panes.panes[1])
        self.every(1, self._tell_the_time)

    def on_screen_resume(self) -> None:
        """Try again what has failed before."""
        self._model.try_again()

    def redraw(self) -> None:
        """Follow the form, and show what is known."""
        self._model.follow(self.form())
        self._show()

    def _show(self) -> None:
        model = self._model
        status = model.error or (model.waiting if model.config else WRONG_FORM)
        self._panes.show(model.state, status)
        self.refresh_bindings()

    def _tell_the_time(self) -> None:
        if self.is_current and self._model.is_waiting:
            self._show()

    # Keys

    def action_run(self) -> None:
        """Run the next line."""
        self._model.run(1)

    def action_steps(self, steps: int) -> None:
        """Run to the end of this step, and some more."""
        self._model.run_steps(steps)

    def action_undo(self) -> None:
        """Go back by a line."""
        self._model.run(-1)

    def action_start_over(self) -> None:
        """Go back to the untrained model."""
        self._model.start_over()

    def action_image(self, by: int) -> None:
        """Show another image of the batch."""
        self._model.step_image(by)

    def action_weight(self, down: int, right: int) -> None:
        """Show another weight."""
        self._model.move_weight(down, right)

    def action_parameter(self, by: int) -> None:
        """Show the weights or biases of another layer."""
        self._model.step_parameter(by)

    def action_steepest(self) -> None:
        """Show the weight with the largest gradient."""
        self._model.go_to_steepest()

    def action_code(self) -> None:
        """Show the settings in the form as code."""
        self.post_message(ScreenWanted("code", None))

    def action_image_mode(self) -> None:
        """Take the next way of drawing images."""
        picture = self._panes.picture
        picture.mode = self.next_mode(picture.mode, picture)
        picture.redraw()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        state = self._model.state
        if action in _OF_A_STATE and state is None:
            return self._model.error or (WRONG_FORM if self.form() is None else "Loading.")
        match action:
            case "run" | "steps" if state and state.ended:
                return f"{state.ended} 0 starts over."
            case "undo" | "start_over" if state and not state.lines_run:
                return "No line has been run yet."
            case "steepest" if state and state.weight.gradient is None:
                return "There are no gradients yet: backward computes them."
            case "steepest" if state and state.weight.index == state.weight.steepest:
                return "This weight has the largest gradient of its layer already."
        return super().why_not(action, parameters)

    def sections(self) -> Sequence[Section]:
        """Return each pane's purpose and keys; the focused pane first."""
        return [
            Section("The loop, line by line", self.EXPLANATION, declared(LoopScreen)),
            *self._panes.sections(lambda name: f"Loop: {name.lower()}"),
        ]
