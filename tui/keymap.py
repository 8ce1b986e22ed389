"""The user's own keys, from the configuration file."""

import tomllib

import platformdirs

from engine.errors import MnistopError


def read_keymap() -> dict[str, str]:
    """Keys by the id of what they do, from the `[keys]` table of `mnistop/config.toml`.

    Raises:
        MnistopError: the file is no TOML or holds something else than keys.
    """
    path = platformdirs.user_config_path("mnistop") / "config.toml"
    try:
        keys = tomllib.loads(path.read_text()).get("keys", {})
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MnistopError(f"{path} cannot be read: {error}.") from None
    if not all(isinstance(key, str) for key in keys.values()):
        raise MnistopError(f'{path}: each key must be a text, as in train = "t".')
    return dict(keys)
