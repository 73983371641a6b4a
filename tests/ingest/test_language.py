"""Languages are told by script and small words; where nothing speaks, nothing is said."""

import pytest

from monitor.ingest.language import detect


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("How do I reset the password of my account?", "en"),
        ("请问如何重置我的密码？", "zh"),
        ("请用 Python 写一个函数 reverse(list)", "zh"),
        ("パスワードをリセットするにはどうすればいいですか", "ja"),
        ("비밀번호를 어떻게 재설정하나요", "ko"),
        ("Wie kann ich mein Passwort zurücksetzen, und was ist zu tun?", "de"),
        ("¿Cómo puedo restablecer la contraseña de mi cuenta?", "es"),
        ("1234 + 5678", ""),
        ("", ""),
        ("xyzzy", ""),
    ],
)
def test_a_language_is_told(text: str, code: str) -> None:
    assert detect(text) == code
