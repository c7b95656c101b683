"""The desk's words: what is typed and what a form says become the same request, or one sentence."""

import pytest

from bot.parser import parse, request_from
from bot.requests import (
    AllowSomebody,
    BanSomebody,
    Claim,
    Collect,
    Course,
    ForgetMe,
    GrantQuota,
    Help,
    LinkAccounts,
    ListModels,
    MyData,
    Request,
    ResetQuota,
    Scope,
    SetQuota,
    ShowAudit,
    ShowBans,
    ShowQuota,
    ShowStats,
    Steer,
    Tune,
    UnbanSomebody,
    UnlinkAccounts,
    UseModel,
)
from engine.errors import UserError

ADA = "@Ada Lovelace"
WEEK_S = 7 * 86_400


def banned(who: str = "@ada", reason: str = "", for_s: float | None = None, everywhere: bool = False) -> BanSomebody:
    return BanSomebody(who=who, reason=reason, for_s=for_s, is_everywhere=everywhere)


def limit(key: str, value: str | None, who: str = "@ada") -> SetQuota:
    return SetQuota(who=who, key=key, value=value)


def tuned(scope: Scope, key: str | None = None, value: str | None = None) -> Tune:
    return Tune(scope=scope, key=key, value=value)


def refusal(text: str) -> str:
    with pytest.raises(UserError) as refused:
        parse(text)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("/quota", ShowQuota(who=None)),
        ("/usage me", ShowQuota(who=None)),
        ("/quota@darkroom_bot @ada", ShowQuota(who="@ada")),
        ("/quota show <@!123>", ShowQuota(who="<@!123>")),
        ("/quota show “Ada Lovelace”", ShowQuota(who="Ada Lovelace")),
        ("/quota set @ada trusted", limit("tier", "trusted")),
        ("/quota set @ada tier Trusted", limit("tier", "trusted")),
        ("/quota set @ada daily 50", limit("daily", "50")),
        ("/quota set @ada daily 0", limit("daily", "0")),
        ("/quota set @ada rate 0,5", limit("rate", "0.5")),
        ("/quota set @ada in flight 3", limit("in_flight", "3")),
        ("/quota set @ada in-flight 3", limit("in_flight", "3")),
        ("/quota set @ada burst Unlimited", limit("burst", "unlimited")),
        ("/quota set @ada daily default", limit("daily", None)),
        ("/quota set @ada default", limit("tier", None)),
        ("/quota set tier:guest rate 2", limit("rate", "2", "tier:guest")),
        ("/quota set here guest", limit("tier", "guest", "here")),
        ("/quota set everyone member", limit("tier", "member", "everyone")),
        ("/quota set group:42 daily 500", limit("daily", "500", "group:42")),
        (f'/quota set "{ADA}" daily 50', limit("daily", "50", ADA)),
        ("/quota grant @ada 20", GrantQuota(who="@ada", n_pictures=20)),
        ("/quota grant discord:123 1.5 pictures", GrantQuota(who="discord:123", n_pictures=1.5)),
        ("/quota reset k3f9m2q7xa", ResetQuota(who="k3f9m2q7xa")),
    ],
)
def test_quotas(text: str, request_: Request) -> None:
    """Shown, set, granted and reset; a lone word is a tier."""
    assert parse(text) == request_


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("/ban @ada", banned()),
        ("/ban <@123> floods the channel", banned("<@123>", "floods the channel")),
        ("/ban @ada floods the channel --for 7d", banned(reason="floods the channel", for_s=WEEK_S)),
        ("/ban @ada --for 7d floods the channel", banned(reason="floods the channel", for_s=WEEK_S)),
        ("/ban @ada spam --for ever", banned(reason="spam")),
        ("/ban --for 2 weeks @ada spam", banned(reason="spam", for_s=2 * WEEK_S)),
        ("/ban @ada —for 12h —everywhere", banned(for_s=43_200, everywhere=True)),
        (f"/ban '{ADA}' is everywhere", banned(ADA, "is everywhere")),
        ("/unban @ada", UnbanSomebody(who="@ada", is_everywhere=False)),
        ("/unban @ada everywhere", UnbanSomebody(who="@ada", is_everywhere=True)),
        ("/unban --everywhere @ada", UnbanSomebody(who="@ada", is_everywhere=True)),
        ("/bans", ShowBans()),
        ("/allow here", AllowSomebody(who="here", is_allowed=True)),
        ("/allow group:42", AllowSomebody(who="group:42", is_allowed=True)),
        ("/deny everyone", AllowSomebody(who="everyone", is_allowed=False)),
        ("/deny @ada --default", AllowSomebody(who="@ada", is_allowed=None)),
        ("/allow @ada default", AllowSomebody(who="@ada", is_allowed=None)),
        ("/pause", Steer(course=Course.PAUSE)),
        ("/resume", Steer(course=Course.RESUME)),
        ("/drain", Steer(course=Course.DRAIN)),
        ("/stats", ShowStats(n_days=30)),
        ("/stats 7", ShowStats(n_days=7)),
        ("/stats --days 90", ShowStats(n_days=90)),
        ("/audit", ShowAudit(page=1)),
        ("/audit 2", ShowAudit(page=2)),
        ("/audit --page 2", ShowAudit(page=2)),
    ],
)
def test_what_admins_do(text: str, request_: Request) -> None:
    """Names of several words in quotes; a flag anywhere; what follows who is the reason."""
    assert parse(text) == request_


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("/settings", tuned(Scope.ME)),
        ("/settings place", tuned(Scope.PLACE)),
        ("/settings here", tuned(Scope.PLACE)),
        ("/settings all", tuned(Scope.ALL)),
        ("/settings me size 512 x 512", tuned(Scope.ME, "size", "512x512")),
        ("/settings size 512×512", tuned(Scope.ME, "size", "512x512")),
        ("/settings place steps 30", tuned(Scope.PLACE, "steps", "30")),
        ("/settings me sampler DPM++ 2M", tuned(Scope.ME, "sampler", "dpmpp_2m")),
        ("/settings me guidance 7,5", tuned(Scope.ME, "guidance", "7.5")),
        ("/settings me mode Exact", tuned(Scope.ME, "mode", "exact")),
        ("/settings me pictures 4", tuned(Scope.ME, "pictures", "4")),
        ("/settings me model other/model", tuned(Scope.ME, "model", "other/model")),
        ("/settings visibility spoiler", tuned(Scope.PLACE, "visibility", "spoiler")),
        ("/settings place allowed yes", tuned(Scope.PLACE, "allowed", "yes")),
        ("/settings all retention 30 days", tuned(Scope.ALL, "retention", "30")),
        ("/settings ask-after 2.5 min", tuned(Scope.ALL, "ask_after", "2.5")),
        ("/settings log here", tuned(Scope.ALL, "log", "here")),
        ("/settings log off", tuned(Scope.ALL, "log", "off")),
        ("/settings steps default", tuned(Scope.ME, "steps", None)),
        ("/model", ListModels()),
        ("/models list", ListModels()),
        ("/model pocket", UseModel(model="pocket", is_default=False)),
        ("/model use pocket", UseModel(model="pocket", is_default=False)),
        ("/model default pocket", UseModel(model="pocket", is_default=True)),
        ("/model use default", tuned(Scope.ME, "model", None)),
        ("/model default default", UseModel(model="default", is_default=True)),
        ("/mydata", MyData()),
        ("/forget", ForgetMe()),
        ("/link", LinkAccounts(code=None)),
        ("/link k3f9 m2q7", LinkAccounts(code="k3f9m2q7")),
        ("/link K3F9-M2Q7", LinkAccounts(code="K3F9-M2Q7")),
        ("/unlink", UnlinkAccounts()),
        ("/claim k3f9-m2q7", Claim(code="k3f9-m2q7")),
        ("/collect", Collect()),
        ("/privacy", Help(topic="privacy")),
        ("/help admins", Help(topic="admin")),
    ],
)
def test_what_is_everybodys_own(text: str, request_: Request) -> None:
    """A setting is for me, or for whom it can be; values come out as they are stored."""
    assert parse(text) == request_


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("/quota set", "Say for whom, which limit and how much, such as /quota set @ada daily 50."),
        ("/quota set daily 50", "Say for whom"),
        ("/quota set @ada", "Say which limit and how much"),
        ("/quota set @ada 50", "Say which limit shall be '50': /quota set @ada daily 50."),
        ("/quota set @ada dayly 50", "The key cannot be 'dayly'; did you mean daily?"),
        ("/quota set @ada daily -5", "daily can be a number from 0 to 1,000,000, unlimited or default; you gave '-5'."),
        ("/quota set @ada daily lots", "you gave 'lots'"),
        ("/quota set @ada daily nan", "you gave 'nan'"),
        ("/quota set @ada rate 0", "rate can be a number from 0.1 to 1,000"),
        ("/quota set @ada burst 1.5", "burst can be a whole number from 1 to 10,000"),
        ("/quota set @ada tier a!", "A tier's name is one word"),
        ("/quota set tier:guest member", "A tier has no tier of its own"),
        ("/quota grant", "Say whom and how many pictures, such as /quota grant @ada 20."),
        ("/quota grant 20", "Say whom and how many pictures"),
        ("/quota grant @ada", "Say whom and how many pictures"),
        ("/quota grant @ada 0", "Grant more than 0 and at most 10,000 pictures"),
        ("/quota grant @ada -5", "you gave '-5'. For fewer, set a limit."),
        ("/quota grant @ada 1e9", "at most 10,000"),
        ("/quota grant everyone 5", "about one person, such as /quota grant @ada 20, and 'everyone' is more than one."),
        ("/quota reset", "Say whom, such as /quota reset @ada"),
        ("/quota reset @", "Say whom"),
        ("/quota reset tier:guest", "about one person"),
        ("/quota grnat @ada 20", "Did you mean /quota grant?"),
        ("/quota @ada daily 50", "Write it as /quota set @ada daily 50"),
        ("/quota Ada Lovelace", "quotes around a name of several words"),
        ("/ban", "Say whom, such as /ban @ada"),
        ("/ban --for 7d", "Say whom"),
        ("/ban everyone", "'everyone' is more than one"),
        ("/ban @ada --for soon", "Say how long as 30m, 12h, 7d or 2 weeks"),
        ("/ban @ada --for -7d", "you gave '-7d'"),
        ("/ban @ada --for", "--for needs a value after it, such as --for 7d"),
        (f"/ban @ada {'x' * 301}", "The reason has 301 characters; 300 is the most"),
        (f"/ban {'x' * 201}", "A name has at most 200 characters"),
        (
            "/unban Ada Lovelace",
            "does nothing with 'Lovelace'; please leave it out; a name of several words goes in quotes",
        ),
        ("/allow", "Say whom, such as /allow @ada, or /allow here."),
        ("/deny default", "Say whom, such as /deny @ada, or /deny here."),
        ("/pause now", "/pause does nothing with 'now'"),
        ("/drain --for 7d", "/drain takes no flags"),
        ("/cancel any", "Say which: /cancel any k3f9m2q7xa."),
        ("/model use", "Say which model, such as /model use pocket. /model lists them."),
        (f"/model use {'x' * 101}", "A model's name has 1 to 100 characters"),
        ("/settings steps", "steps can be a whole number from 1 to 150, or default: /settings me steps 30."),
        ("/settings me steps 151", "steps can be a whole number from 1 to 150, or default; you gave '151'."),
        ("/settings stpes 30", "The key cannot be 'stpes'; did you mean steps?"),
        ("/settings me size 500x500", "multiple of 8"),
        ("/settings me size big", "such as 512x768, not 'big'"),
        ("/settings me sampler eulr", "did you mean euler?"),
        ("/settings me mode slow", "mode can be fast, stable or exact, or default; you gave 'slow'."),
        ("/settings me guidance 31", "guidance can be a number from 0 to 30, or default"),
        ("/settings me pictures 5", "pictures can be a whole number from 1 to 4, or default"),
        (
            "/settings me visibility spoiler",
            "visibility is set for a place or a server or all: /settings place visibility spoiler.",
        ),
        ("/settings place log here", "log is set for all: /settings all log here."),
        (
            "/settings place visibility open",
            "visibility can be shared, private, spoiler (covered) or restricted (drawn in age-restricted channels "
            "alone), or default; you gave 'open'.",
        ),
        ("/settings place allowed maybe", "allowed can be yes or no, or default; you gave 'maybe'."),
        ("/settings retention 0", "retention can be a whole number of days from 1 to 3,650, or default; you gave '0'."),
        ("/settings ask_after never", "ask_after can be a number of minutes from 0 to 1,440, or default"),
        ("/settings log there", "log can be here or off, or default; you gave 'there'."),
        ("/stats 0", "from 1 to 90"),
        ("/stats abc", "must be a whole number from 1 to 90; you gave 'abc'"),
        ("/stats 7 days", "does nothing with 'days'"),
        ("/audit 0", "from 1 to 10,000"),
        ("/link @ada", "'@ada' is no code; they are letters and digits, such as k3f9-m2q7."),
        ("/claim", "Write the code that was printed at the first start behind it"),
        ("/claim ?!", "is no code"),
        ("/forget me", "/forget does nothing with 'me'"),
        ("/pasue", "did you mean /pause?"),
    ],
)
def test_what_is_wrong_says_what_can_be_written(text: str, says: str) -> None:
    """One sentence, that fits every chat."""
    sentence = refusal(text)
    assert says in sentence
    assert len(sentence) <= 200
    assert sentence[-1] in ".?"


@pytest.mark.parametrize(
    ("command", "values", "request_"),
    [
        ("quota", {}, ShowQuota(who=None)),
        ("quota", {"who": "Ada Lovelace"}, ShowQuota(who="Ada Lovelace")),
        ("quota", {"action": "set", "who": ADA, "key": "daily", "value": 50}, limit("daily", "50", ADA)),
        ("quota", {"action": "set", "who": "@ada", "value": "trusted"}, limit("tier", "trusted")),
        ("quota", {"action": "grant", "who": "@ada", "value": 20.0}, GrantQuota(who="@ada", n_pictures=20)),
        (
            "ban",
            {"who": ADA, "reason": "spam", "for": "2 weeks", "everywhere": True},
            banned(ADA, "spam", 2 * WEEK_S, True),
        ),
        ("ban", {"who": "@ada", "reason": "spam --for 7d"}, banned(reason="spam", for_s=WEEK_S)),
        ("ban", {"who": "@ada", "reason": "set daily"}, banned(reason="set daily")),
        ("settings", {"scope": "place", "key": "size", "value": "64x64"}, tuned(Scope.PLACE, "size", "64x64")),
        ("settings", {"key": "log", "value": "here"}, tuned(Scope.ALL, "log", "here")),
        ("settings", {"scope": "me"}, tuned(Scope.ME)),
        ("model", {"action": "use", "model": "pocket"}, UseModel(model="pocket", is_default=False)),
        ("deny", {"who": "@ada", "default": True}, AllowSomebody(who="@ada", is_allowed=None)),
        ("stats", {"days": 7}, ShowStats(n_days=7)),
        ("link", {"code": ""}, LinkAccounts(code=None)),
        ("claim", {"code": "k3f9 m2q7"}, Claim(code="k3f9m2q7")),
        ("help", {"topic": "ban"}, Help(topic="ban")),
    ],
)
def test_a_form_says_itself_which_word_is_which(
    command: str, values: dict[str, str | int | float | bool], request_: Request
) -> None:
    """Names need no quotes there, and no word is taken for another field's."""
    assert request_from(command, values) == request_


def test_a_reason_alone_bans_nobody() -> None:
    """In a form the first word of a reason is not who."""
    with pytest.raises(UserError, match="Say whom"):
        request_from("ban", {"reason": "@ada floods"})
    with pytest.raises(UserError, match="The key cannot be 'me'"):
        request_from("settings", {"value": "me size 64x64"})
