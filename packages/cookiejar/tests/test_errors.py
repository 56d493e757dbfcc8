import pickle

from whimbrel_cookiejar import CookieFileError


def test_the_message_says_what_where_and_in_which_file() -> None:
    error = CookieFileError("no JSON", "line 3, column 7")
    assert str(error) == "line 3, column 7: no JSON"
    named = error.in_file("/home/me/cookies.json")
    assert str(named) == "/home/me/cookies.json: line 3, column 7: no JSON"
    assert (named.reason, named.where, named.path) == (
        "no JSON",
        "line 3, column 7",
        "/home/me/cookies.json",
    )
    assert str(CookieFileError("no JSON")) == "no JSON"
    assert error.path is None


def test_it_is_the_kind_of_error_that_json_s_are() -> None:
    assert issubclass(CookieFileError, ValueError)


def test_it_pickles() -> None:
    error = CookieFileError("no JSON", "line 1", "a.json")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is CookieFileError
    assert (again.reason, again.where, again.path, str(again)) == (
        "no JSON",
        "line 1",
        "a.json",
        str(error),
    )
