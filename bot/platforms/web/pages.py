"""The few pages written here, for who has no page yet: signing in, and a sentence where nothing else is. Pure."""

from html import escape

STYLE = """\
:root { color-scheme: light dark; --ground: #f6f6f8; --card: #fff; --ink: #1d1e24; --dim: #5c5f6b; --line: #d9dae1;
  --strong: #4752c4; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #17181c; --card: #212329; --ink: #f0f1f4; --dim: #a5a8b4; --line: #363943; --strong: #5865f2; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--ground);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { width: min(24rem, 100%); padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .75rem; }
h1 { margin: 0 0 .25rem; font-size: 1.35rem; }
p { margin: 0 0 1.25rem; color: var(--dim); overflow-wrap: anywhere; }
p[role="alert"] { color: var(--ink); border-left: 3px solid #d83c3e; padding-left: .75rem; }
label { display: block; margin: 0 0 .25rem; font-size: .875rem; font-weight: 600; }
input { width: 100%; margin: 0 0 1rem; padding: .6rem .75rem; font: inherit; color: inherit; background: var(--ground);
  border: 1px solid var(--line); border-radius: .4rem; }
button { width: 100%; padding: .65rem; font: inherit; font-weight: 600; color: #fff; background: var(--strong);
  border: 0; border-radius: .4rem; cursor: pointer; }
a { color: inherit; }
:focus-visible { outline: 2px solid var(--strong); outline-offset: 2px; }
"""
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Darkroom</title>
<link rel="stylesheet" href="/sign-in.css">
<main>
<h1>Darkroom</h1>
{inside}
</main>
</html>
"""
_SIGN_IN = """\
{alert}
<form method="post" action="/sign-in">
<label for="name">Your name</label>
<input id="name" name="name" maxlength="40" autocomplete="nickname" value="{name}" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button>
</form>"""
_LINK = """\
<p>This link signs this browser in, once.</p>
<form method="post" action="{path}">
<button autofocus>Sign in here</button>
</form>"""


def sentence(text: str) -> str:
    """A page that says one thing."""
    return _PAGE.format(inside=f'<p role="alert">{escape(text)}</p>\n<p><a href="/">To the page</a></p>')


def sign_in(alert: str = "", name: str = "", *, is_sent_here: bool = False) -> str:
    """The form to sign in with. `is_sent_here`: from another site's link, with which browsers send no strict cookie."""
    said = f'<p role="alert">{escape(alert)}</p>' if alert else "<p>Sign in to draw pictures here.</p>"
    if is_sent_here:
        said += '\n<p>Signed in already? <a href="/">Go on to the page</a>.</p>'
    return _PAGE.format(inside=_SIGN_IN.format(alert=said, name=escape(name)))


def link(path: str) -> str:
    """Asks before a one-time link is used, so that whoever looks ahead at links does not use it up."""
    return _PAGE.format(inside=_LINK.format(path=escape(path)))
