from typing import assert_never

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands import COMMANDS
from bot.options import OptionKind
from bot.parser import count_sentence, parse, request_from
from bot.recipes import Wish
from bot.requests import (
    Again,
    AllowSomebody,
    Axis,
    BanSomebody,
    Cancel,
    Claim,
    Collect,
    Compare,
    Development,
    ForgetMe,
    GrantQuota,
    Help,
    History,
    Imagine,
    LinkAccounts,
    ListModels,
    MyData,
    Original,
    Remix,
    Request,
    ResetQuota,
    SetQuota,
    Show,
    ShowAudit,
    ShowBans,
    ShowQueue,
    ShowQuota,
    ShowRecipe,
    ShowStats,
    Steer,
    Tune,
    UnbanSomebody,
    UnlinkAccounts,
    Upscale,
    UseModel,
    Vary,
)
from bot.typography import clean
from engine.domain import MAX_SEED, Mode
from engine.errors import UserError

NAME = "k3f9m2q7xa.2"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"

# Pieces that the parser has an eye for, mixed with anything at all.
PIECES = st.sampled_from(
    [
        *("/", "/imagine ", "/remix ", "/compare ", "/upscale ", "/help ", "@bot ", "{", "}", ",", "\\", '"', "“", "”"),
        *("--", "—", "–", "--seed ", "--no ", "--ar ", "--size ", "--over ", "sampler ", "euler a ", "3:2", "512x512"),
        *("7", "\u0663", "-5", "1e9", " ", "\n", "\u00a0", "\u3000", "\u202e", "\u200b", "\u200d", "\ud800", "\0"),
        *(
            "/quota ",
            "/ban ",
            "/settings ",
            "/model ",
            "/deny ",
            "/link ",
            "set ",
            "grant ",
            "daily ",
            "@ada ",
            "size ",
        ),
        *("--for ", "2 weeks ", "default ", "everyone ", "<@!123> ", "me ", "any ", "all "),
        *("k3f9m2q7xa.2", "--n 4 ", "=", "＝", "ｘ", FAMILY, "x" * 300, "9" * 30),
    ]
)
ANY_TEXT = st.lists(st.one_of(PIECES, st.text(max_size=5), st.characters(categories=["Cs", "Cc", "Cf"])), max_size=25)


# What a command must be given to be understood at all.
NEEDED_WORDS = {
    "imagine": "x",
    "compare": "x --over steps 2,3",
    "claim": "k3f9-m2q7",
    **dict.fromkeys(("ban", "unban", "allow", "deny"), "@ada"),
}


def wish(text: str) -> Wish:
    request = parse(text)
    assert isinstance(request, Imagine)
    [one] = request.wishes
    return one


def refusal(text: str) -> str:
    with pytest.raises(UserError) as refused:
        parse(text)
    return str(refused.value)


def checked(request: Request) -> None:
    """A request is what its type says."""
    match request:
        case Imagine():
            assert 1 <= sum(each.n_wanted for each in request.wishes) <= 16
            assert all(each.prompt and each.prompt == clean(each.prompt) for each in request.wishes)
        case Compare():
            assert 2 <= len(request.values) <= 9
        case BanSomebody():
            assert request.for_s is None or 60 <= request.for_s <= 10 * 365 * 86_400
            assert len(request.reason) <= 300
        case GrantQuota():
            assert 0 < request.n_pictures <= 10_000
        case ShowStats():
            assert 1 <= request.n_days <= 90
        case ShowQuota() | SetQuota() | ResetQuota() | UnbanSomebody() | ShowBans() | AllowSomebody() | Steer():
            pass
        case ListModels() | UseModel() | Tune() | ShowAudit() | MyData() | ForgetMe() | LinkAccounts():
            pass
        case UnlinkAccounts() | Claim() | Collect() | Original() | Development():
            pass
        case (
            Remix() | Upscale() | Vary() | Again() | Show() | ShowRecipe() | ShowQueue() | Cancel() | Help() | History()
        ):
            pass
        case _:
            assert_never(request)


def check_sentence(sentence: str) -> None:
    """It can be shown as it stands."""
    assert sentence == clean(sentence)
    assert 0 < len(sentence) <= 200
    assert sentence[-1] in ".?"


@settings(max_examples=300)
@given(ANY_TEXT)
def test_any_text_gives_a_request_or_one_sentence(pieces: list[str]) -> None:
    """Nothing else is ever raised, and a sentence can be shown as it stands."""
    try:
        checked(parse("".join(pieces)))
    except UserError as refused:
        check_sentence(str(refused))


@given(
    st.sampled_from([command.name for command in COMMANDS]),
    st.dictionaries(
        st.sampled_from(sorted({option.name for command in COMMANDS for option in command.options})),
        st.one_of(ANY_TEXT.map("".join), st.integers(), st.floats(), st.booleans()),
        max_size=4,
    ),
)
def test_any_form_gives_a_request_or_one_sentence(command: str, values: dict[str, str | int | float | bool]) -> None:
    """Numbers that are none, and numbers of any length, too."""
    try:
        checked(request_from(command, values))
    except UserError as refused:
        check_sentence(str(refused))


@pytest.mark.parametrize(
    "unit", ["a", "—a ", "{", "{a,b}", "{a}", "\\", '"', "\ud800", "😀\u200d", "--seed ", "\0", "/"]
)
def test_100_000_characters_get_a_sentence(unit: str) -> None:
    """That says how long it is and what the most is."""
    text = ("/imagine " + unit * 100_000)[:100_000]
    assert refusal(text) == "Your message has 100,000 characters; a prompt may have 4,000. Please shorten it."


def test_a_prompt_too_long_says_how_long_and_the_most() -> None:
    """So does a negative prompt."""
    assert refusal("x" * 4_001).startswith("The prompt has 4,001 characters; 4,000 is the most")
    assert refusal("x --no " + "y" * 5_000).startswith("The negative prompt has 5,000 characters")
    assert len(wish("x" * 4_000).prompt) == 4_000


def test_a_prompt_with_every_flag() -> None:
    """The line of the issue, and the rest."""
    found = wish(
        "/imagine a red circle --ar 3:2 --seed 7 --no text, watermark --steps 30 --n 4 --sampler euler "
        "--guidance 7 --model pocket --strength 0.6 --mode exact"
    )
    assert found == Wish(
        prompt="a red circle",
        negative="text, watermark",
        seed=7,
        steps=30,
        guidance=7,
        sampler="euler",
        aspect=(3, 2),
        n_pictures=4,
        model="pocket",
        strength=0.6,
        mode=Mode.EXACT,
    )


@pytest.mark.parametrize(
    "text",
    [
        "a red circle --seed 7 --no text",
        "  /imagine\na red circle\n--seed 7\n--no text ",
        "/Imagine@darkroom_bot a red circle --seed=7 --no=text",
        "／imagine a red circle —seed 7 —no text",
        "/draw a red circle ––seed 7 –no “text”",
        "a red circle\u00a0—seed\u00a07 --no\u00a0text",
        "a red circle　－－ｓｅｅｄ　７ －－ｎｏ text",
        "--seed 7 a red circle --NO text",
        "--seed 7, a red circle --No 'text'",
        "a red --seed 7 circle --negative text",
        "a r\u200bed circle \u202e--seed 7\u202c --no «text»",
        "a red circle −−seed ٧ --no text",
    ],
)
def test_flags_work_everywhere_and_however_they_were_typed(text: str) -> None:
    """Dashes, quotes, spaces and wide forms as phones make them; in front, behind and inside the prompt."""
    assert wish(text) == Wish(prompt="a red circle", negative="text", seed=7)


@pytest.mark.parametrize(
    "prompt",
    [
        "a red - blue circle",
        "black-and-white",
        "night — and day",
        "1990 –2000",
        "one -- two",
        "well--known",
        "-seed 7",
        "a sign “hello”",
        "a (red:1.2) circle, [blue]",
        "{word} {{word}}",
        r"C:\dir \(x\)",
        f"{FAMILY} and {SCOTLAND}",
        "日本の丸、赤",
        "50 % off; don't",
    ],
)
def test_prose_is_left_alone(prompt: str) -> None:
    """Hyphens and dashes in a sentence are no flags, emoji keep their joiners."""
    assert wish(prompt).prompt == prompt


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        (r"a \--seed 7", "a --seed 7"),
        (r"\—no", "—no"),
        (r"\{a,b\}", "{a,b}"),
        ("a\u202egnp.exe\u202c\u200b", "agnp.exe"),
        ("a\tb\r\nc\u2028d\x07", "a b  c d"),
        ("x\u200dy \ud83d\ufeff", "xy"),
    ],
)
def test_what_is_escaped_or_unseen(text: str, prompt: str) -> None:
    """A backslash makes text of a flag or brace; controls, bidi and zero width go, lines become one."""
    assert wish(text).prompt == prompt


@pytest.mark.parametrize(
    ("text", "prompt", "sampler"),
    [
        ("x --sampler euler a", "x", "euler_a"),
        ("--sampler euler a red circle", "a red circle", "euler"),
        ("x --sampler Euler a --seed 1", "x", "euler_a"),
        ("x --sampler DPM++ 2M", "x", "dpmpp_2m"),
        ("--sampler DPM++ 2M a red circle", "a red circle", "dpmpp_2m"),
        ('x --sampler "euler ancestral" y', "x y", "euler_a"),
        ("x --sampler k_euler", "x", "euler"),
    ],
)
def test_samplers_by_the_names_people_know(text: str, prompt: str, sampler: str) -> None:
    """Also of several words."""
    assert (wish(text).prompt, wish(text).sampler) == (prompt, sampler)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Say what to draw"),
        ("/imagine --seed 7", "Say what to draw"),
        ("\u200b\u202e", "Say what to draw"),
        ("/", "Write a command after the slash"),
        ("/imagin x", "did you mean /imagine?"),
        ("/xyzzy", "no command /xyzzy; /help lists"),
        ("x --seeed 7", "did you mean --seed?"),
        ("x —sead 7", "did you mean --seed?"),
        ("x --seed 7 --seed 8", "--seed is given twice"),
        ("x --cfg 7 --guidance 8", "--guidance is given twice"),
        ("x --seed", "--seed needs a value after it, such as --seed 7"),
        ("x --no --seed 7", "--no needs a value"),
        ("x --seed abc", "must be a whole number from 0 to 9,007,199,254,740,991; you gave 'abc'"),
        ("x --seed -1", "you gave '-1'"),
        ("x --steps 151", "from 1 to 150"),
        ("x --steps 2.5", "whole number"),
        ("x --n 5", "from 1 to 4"),
        ("x --guidance 31", "from 0 to 30"),
        ("x --guidance nan", "must be a number"),
        ("x --strength 0", "from 0.01 to 1"),
        ("x --ar 5:1", "from 1:4 to 4:1"),
        ("x --ar 0:1", "from 1:4 to 4:1"),
        ("x --size 500x500", "multiple of 8"),
        ("x --size big", "such as 512x768, not 'big'"),
        ("x --size 512x512 --ar 1:1", "not both"),
        ("x --sampler eulr", "did you mean euler?"),
        ("x --sampler DPM++ 2M Karras", "'DPM++ 2M Karras'; did you mean dpmpp_2m?"),
        ("x --mode exakt", "did you mean exact?"),
        ("x --refine", "/imagine does not take --refine; it takes --no"),
        ("/bans --seed 7", "takes no flags"),
        ("/queue --seed 7", "/queue does not take --seed; it takes --all"),
        ("/queue now", "does nothing with 'now'"),
        ("/upscale 3", "choose 2 or 4"),
        ("/show me", "'me' is no picture's name"),
        ("/help imagne", "did you mean /help imagine?"),
        (f"x --seed {MAX_SEED} --n 2", "seed of the last picture"),
        ("{a,b", "is open"),
        ("{a,b,c,d,e} --n 4", "5 prompts, 20 pictures; 16 pictures"),
        ("/remix {a,b}", "Choices in braces are for /imagine"),
        ("/compare x", "Say what shall differ"),
        ("/compare x --over colour 1,2", "cannot compare over 'colour'"),
        ("/compare x --over sample 1,2", "Did you mean sampler?"),
        ("/compare x --over steps 3", "2 to 9 values"),
        ("/compare x --over steps 1,2,3,4,5,6,7,8,9,10", "2 to 9 values"),
        ("/compare x --over steps 3,3", "'3' is there twice"),
        ("/compare x --over steps 3,999", "from 1 to 150"),
        ("/compare x --over sampler euler,foo", "no sampler 'foo'"),
        ("/compare x --steps 3 --over steps 3,4", "leave out --steps"),
        ("/history --page 0", "from 1 to"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(text: str, says: str) -> None:
    """That says what to change, and shows no more than 40 characters of what was given."""
    sentence = refusal(text)
    assert says in sentence
    assert len(sentence) <= 200
    assert len(refusal(f"x --steps {'y' * 4_000}")) < 120


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        (f"/remix {NAME} a ring --strength .6", Remix(source=NAME, wish=Wish(prompt="a ring", strength=0.6))),
        (f"/remix a ring --from {NAME}", Remix(source=NAME, wish=Wish(prompt="a ring"))),
        ("/remix", Remix(source=None, wish=Wish(prompt=""))),
        ("/remix strawberry", Remix(source=None, wish=Wish(prompt="strawberry"))),
        ("/remix K3F9M2Q7XO: a ring", Remix(source="k3f9m2q7x0", wish=Wish(prompt="a ring"))),
        ("/upscale", Upscale(source=None, factor=2, is_refined=False)),
        (f"/upscale x4 {NAME} refine", Upscale(source=NAME, factor=4, is_refined=True)),
        (f"/upscale {NAME} --refine", Upscale(source=NAME, factor=2, is_refined=True)),
        (f"/vary {NAME} strong", Vary(source=NAME, is_strong=True, n_pictures=4)),
        ("/vary subtle --n 2", Vary(source=None, is_strong=False, n_pictures=2)),
        (f"/again {NAME}", Again(source=NAME)),
        ("/again abcdefghjk", Again(source="abcdefghjk")),
        (f"/show {NAME}", Show(source=NAME)),
        (f"/recipe {NAME}", ShowRecipe(source=NAME)),
        ("/original", Original(source=None)),
        (f"/download {NAME}", Original(source=NAME)),
        ("/file k3f9m2q7xa.0", Original(source="k3f9m2q7xa.0")),
        ("/history red circle --page 2", History(words="red circle", page=2)),
        ("/gallery", History(words="", page=1)),
        ("/queue", ShowQueue()),
        ("/queue all", ShowQueue(is_all=True)),
        ("/cancel any k3f9m2q7xa", Cancel(request="k3f9m2q7xa", is_any=True)),
        ("/cancel k3f9m2q7xa --any", Cancel(request="k3f9m2q7xa", is_any=True)),
        (f"/cancel {NAME}", Cancel(request="k3f9m2q7xa")),
        ("/cancel", Cancel(request=None)),
        ("/help /imagine", Help(topic="imagine")),
        ("/start", Help(topic="")),
    ],
)
def test_every_command_has_its_own_shape(text: str, request_: Request) -> None:
    """Pictures by the form of their names; a word without a digit is a word."""
    assert parse(text) == request_


@pytest.mark.parametrize(
    ("said", "axis", "values"),
    [
        ("a ring --over guidance 2,4,8", Axis.GUIDANCE, ("2", "4", "8")),
        ("a ring --over guidance 2 4.50 8", Axis.GUIDANCE, ("2", "4.5", "8")),
        ("--over steps 5, 10 a ring", Axis.STEPS, ("5", "10")),
        ("--over samplers ddim, Euler a, DPM++ 2M a ring", Axis.SAMPLER, ("ddim", "euler_a", "dpmpp_2m")),
        ("a ring --over sampler euler euler a", Axis.SAMPLER, ("euler", "euler_a")),
        ("a ring --over model pocket, other/model", Axis.MODEL, ("pocket", "other/model")),
        ("a ring --over strength --values .3,.6", Axis.STRENGTH, ("0.3", "0.6")),
    ],
)
def test_comparing(said: str, axis: Axis, values: tuple[str, ...]) -> None:
    """Commas or spaces, the flag in front or behind; each value is checked as its own flag would be."""
    assert parse(f"/compare {said}") == Compare(wish=Wish(prompt="a ring"), axis=axis, values=values)


def test_permutations_share_one_seed() -> None:
    """Unless the seed is one of the choices; flags are expanded like words."""
    request = parse("a {red,blue} {ring,square} --n 2")
    assert isinstance(request, Imagine)
    assert [each.prompt for each in request.wishes] == ["a red ring", "a red square", "a blue ring", "a blue square"]
    assert len({each.seed for each in request.wishes}) == 1
    assert request.wishes[0].seed is not None
    assert count_sentence(request.wishes) == "4 prompts, 8 pictures in all."
    seeds = parse("x --seed {1,2} --sampler {ddim, Euler a}")
    assert isinstance(seeds, Imagine)
    found = [(each.seed, each.sampler) for each in seeds.wishes]
    assert found == [(1, "ddim"), (1, "euler_a"), (2, "ddim"), (2, "euler_a")]


def test_a_form_says_the_same_as_words() -> None:
    """Typed values, and flags inside the prompt; given in both places they are refused."""
    form: dict[str, str | float] = {
        "prompt": "a {big,small} ring --steps 3",
        "seed": 7,
        "guidance": 2.0,
        "negative": "a --b",
        "pictures": "2",
    }
    request = request_from("imagine", form)
    assert isinstance(request, Imagine)
    assert len(request.wishes) == 2
    assert (request.wishes[0].seed, request.wishes[0].guidance, request.wishes[0].negative) == (7, 2, "a --b")
    assert request_from("upscale", {"source": NAME, "factor": "4", "refine": True}) == Upscale(
        source=NAME, factor=4, is_refined=True
    )
    remix = request_from("/remix", {"source": NAME, "prompt": "a ring", "strength": 0.5, "upload": "abc", "seed": ""})
    assert remix == Remix(source=NAME, wish=Wish(prompt="a ring", strength=0.5))
    compared = request_from("compare", {"prompt": "x", "over": "steps", "values": "3,4"})
    assert compared == Compare(wish=Wish(prompt="x"), axis=Axis.STEPS, values=("3", "4"))
    with pytest.raises(UserError, match="seed is given twice"):
        request_from("imagine", {"prompt": "x --seed 7", "seed": 7})
    with pytest.raises(UserError, match="no option 'colour'"):
        request_from("imagine", {"prompt": "x", "colour": "red"})


def test_every_command_can_be_asked_for_by_its_aliases() -> None:
    """And every one has what makes its request."""
    for command in COMMANDS:
        text = NEEDED_WORDS.get(command.name, "")
        requests = [parse(f"/{name} {text}") for name in (command.name, *command.aliases)]
        assert len({type(request) for request in requests}) == 1


def test_uploads_travel_beside_the_words() -> None:
    """A form's upload field is nothing to the parser."""
    for command in COMMANDS:
        takes_one = any(option.kind is OptionKind.UPLOAD for option in command.options)
        if takes_one and command.name not in ("imagine", "compare"):
            assert request_from(command.name, {"upload": "abc"}) == parse(f"/{command.name}")
