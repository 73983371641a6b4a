"""Texts with things planted in them, in Chinese and English: what must be found, and what only looks like it.

Every value is made here by its own standard's arithmetic, with nothing of the product's.
"""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass

Maker = Callable[[random.Random], str]
DIGITS = string.digits
HEX = "0123456789abcdef"


@dataclass(frozen=True)
class Planted:
    """A text, and the values in it that are personal, each with its kind."""

    text: str
    values: tuple[tuple[str, str], ...]


def digits(dice: random.Random, n: int) -> str:
    return "".join(dice.choices(DIGITS, k=n))


def luhn(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return body + str(-total % 10)


def card(dice: random.Random) -> str:
    head, length = dice.choice([
        ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("622202", 19), ("621700", 19), ("6225", 16), ("6228", 19),
        ("37", 15), ("6011", 16), ("3530", 16),
    ])  # fmt: skip
    whole = luhn(head + digits(dice, length - len(head) - 1))
    gap = dice.choice(["", "", " ", "-"])
    return gap.join(whole[at : at + 4] for at in range(0, len(whole), 4))


def resident_id(dice: random.Random) -> str:
    region = dice.choice(["110105", "310104", "440305", "510107", "330106", "420111", "610113", "320102"])
    born = f"{dice.randint(1945, 2012)}{dice.randint(1, 12):02}{dice.randint(1, 28):02}"
    body = region + born + digits(dice, 3)
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return body + "10X98765432"[sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11]


def credit_code(dice: random.Random) -> str:
    letters = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = dice.choice(["91", "92", "12", "51", "93"]) + dice.choice(["110105", "310115", "440300", "330100"])
    body += "MA" + "".join(dice.choices(letters, k=7)) if dice.random() < 0.6 else digits(dice, 9)
    total = sum(letters.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return body + letters[(31 - total % 31) % 31]


def mobile(dice: random.Random) -> str:
    number = dice.choice(["13", "15", "17", "18", "19"]) + digits(dice, 9)
    return dice.choice([
        number, number, f"{number[:3]} {number[3:7]} {number[7:]}", f"{number[:3]}-{number[3:7]}-{number[7:]}",
        f"+86 {number}", f"+86{number}", f"+86-{number[:3]}-{number[3:7]}-{number[7:]}", f"0086{number}",
    ])  # fmt: skip


def landline(dice: random.Random) -> str:
    area, local = dice.choice(
        [("010", 8), ("021", 8), ("0755", 8), ("0571", 8), ("0512", 8), ("0451", 8), ("0931", 7)]
    )
    number = dice.choice("2568") + digits(dice, local - 1)
    return dice.choice(
        [f"{area}-{number}", f"({area}){number}", f"{area} {number}", f"{area}-{number[:-4]}-{number[-4:]}"]
    )


def foreign_phone(dice: random.Random) -> str:
    d = dice.randint
    return dice.choice([
        f"+1 {d(201, 989)}-{d(201, 989)}-{d(1000, 9999)}", f"+44 20 7{d(100, 999)} {d(1000, 9999)}",
        f"+49 30 {d(10000000, 99999999)}", f"+33 6 {d(10, 99)} {d(10, 99)} {d(10, 99)} {d(10, 99)}",
        f"+81 3-{d(3000, 5999)}-{d(1000, 9999)}", f"+852 {d(5000, 6999)} {d(1000, 9999)}", f"+65 9{d(100, 999)} {d(1000, 9999)}",
        f"({d(201, 989)}) {d(201, 989)}-{d(1000, 9999)}",
    ])  # fmt: skip


def email(dice: random.Random) -> str:
    name = dice.choice(
        ["li.wei", "anna_k", "zhang3", "j.smith+work", "wangfang88", "o-brien", "support.cn"]
    ) + digits(dice, dice.randint(0, 3))
    return f"{name}@{dice.choice(['example.com', 'qq.com', 'mail.example.co.uk', '163.com', 'corp.example.cn', 'sub.domain.example.org'])}"


def plate(dice: random.Random) -> str:
    free = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    head = dice.choice("京津沪渝冀豫云辽黑湘皖鲁苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼新") + dice.choice(
        "ABCDEF"
    )
    tail = dice.choice([
        digits(dice, 5), dice.choice(free) + digits(dice, 4), digits(dice, 3) + dice.choice(free) + digits(dice, 1),
        dice.choice("DF") + digits(dice, 5), digits(dice, 2) + "".join(dice.choices(free, k=2)) + digits(dice, 1),
    ])  # fmt: skip
    return head + dice.choice(["", "", "·"]) + tail


def passport(dice: random.Random) -> str:
    return (
        dice.choice("EEG") + digits(dice, 8)
        if dice.random() < 0.5
        else "E" + dice.choice("ABCDEFGHJ") + digits(dice, 7)
    )


def iban(dice: random.Random) -> str:
    country, body = dice.choice([
        ("DE", digits(dice, 18)), ("GB", "NWBK" + digits(dice, 14)), ("FR", digits(dice, 23)), ("NL", "ABNA" + digits(dice, 10)),
        ("ES", digits(dice, 20)), ("CH", digits(dice, 17)),
    ])  # fmt: skip
    number = "".join(str(int(c, 36)) for c in body + country + "00")
    whole = f"{country}{98 - int(number) % 97:02}{body}"
    return " ".join(whole[at : at + 4] for at in range(0, len(whole), 4)) if dice.random() < 0.5 else whole


def address(dice: random.Random) -> str:
    if dice.random() < 0.3:
        return f"2001:db8:{dice.choice(['a', 'b', '12'])}{digits(dice, 2)}::{digits(dice, 2)}"
    return f"{dice.choice(['10', '172', '192', '8', '203', '47'])}.{dice.randint(0, 255)}.{dice.randint(0, 255)}.{dice.randint(1, 254)}"


def secret(dice: random.Random) -> str:
    letters = string.ascii_letters + DIGITS

    def some(n: int) -> str:
        return "".join(dice.choices(letters, k=n))

    return dice.choice([
        f"sk-proj-{some(24)}7{some(8)}", f"sk-ant-api03-{some(40)}9", f"ghp_{some(36)}", "AKIA" + "".join(dice.choices(string.ascii_uppercase + DIGITS, k=16)),
        f"xoxb-{digits(dice, 12)}-{some(24)}", f"AIza{some(35)}", f"hf_{some(34)}", f"LTAI5t{some(18)}",
        f"eyJhbGciOiJIUzI1NiJ9.eyJ{some(30)}.{some(43)}", f"glpat-{some(20)}", f"gsk_{some(52)}", f"GOCSPX-{some(28)}",
        f"nvapi-{some(64)}", f"hvs.{some(90)}", f"dckr_pat_{some(27)}", f"lin_api_{some(40)}", f"{digits(dice, 10)}:AA{some(33)}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{some(64)}\n{some(64)}\n-----END RSA PRIVATE KEY-----",
    ])  # fmt: skip


def password(dice: random.Random) -> str:
    return dice.choice(["Tr0ub4dor", "hunter2", "P@ssw0rd", "qwe123!", "Xk9mWq"]) + digits(dice, 2)


def opaque(dice: random.Random) -> str:
    return "".join(dice.choices(HEX, k=39)) + "7"


PERSONAL: dict[str, tuple[tuple[Maker, ...], tuple[str, ...]]] = {
    "phone": ((mobile, mobile, landline, foreign_phone), (
        "我的手机号是{}，请尽快回电。", "联系电话：{}", "请打{}找王经理", "Call me on {} after six.", "My number is {}, thanks.",
        "Tel: {}", "{}这个号码是我的", "Please text {} when the parcel arrives.", "客服让我留个电话 {} 。",
    )),
    "email": ((email,), (
        "请发到{}谢谢", "Write to {} please.", "邮箱：{}", "<{}> wrote yesterday:", "My mail is {}, not the old one.", "cc {}；抄送财务",
    )),
    "resident_id": ((resident_id,), (
        "身份证号{}", "本人身份证号码：{}，请核验。", "My Chinese ID is {}.", "ID number {} was rejected", "{}是他的证件号",
    )),
    "card": ((card,), (
        "卡号{}，有效期到明年。", "I paid with card {} yesterday.", "银行卡 {} 无法支付", "Visa {} was declined.", "请退款到{}", "Please refund {} instead.",
    )),
    "uscc": ((credit_code,), ("统一社会信用代码：{}", "税号{}，请开专票。", "The company's credit code is {}.", "营业执照 {} 已过期")),
    "plate": ((plate,), ("车牌号{}停在门口", "我的车是{}，白色。", "The car with plate {} blocks the gate.", "{}违章查询")),
    "passport": ((passport,), ("护照号{}", "My passport {} expires soon.", "护照号码：{}，请预订机票。", "Passport No. {}")),
    "iban": ((iban,), ("Please transfer to {}.", "IBAN: {}", "汇款账户 {}，谢谢", "My account {} was closed by the bank.")),
    "ip": ((address,), ("The server {} does not answer.", "请求来自{}", "ssh root@{}", "客户端地址：{} 超时", "host={} port=22")),
    "secret": ((secret,), ("My key is {} and it fails.", "export TOKEN={}", "密钥 {} 泄露了怎么办？", "curl -H 'Authorization: Bearer {}'")),
    "password": ((password,), ("password={}", "密码：{}", "Password: {}", '"password": "{}"', "登录密码是{}",
        "redis://:{}@cache:6379/0", "curl -u admin:{} https://example.com/", "mysqldump --password={} shop", "<password>{}</password>",
        '{{\\"password\\": \\"{}\\"}}', "'password' => '{}'", "DB_PASS={}", "账号 admin 密码 {}", "初始密码{}，请尽快修改",
        "CREATE USER a IDENTIFIED BY '{}';", "password%3D{}", "sshpass -p '{}' ssh ops@host", "Server=db;User Id=sa;Password={};Encrypt=True",
    )),
    "named": ((opaque,), (
        "PRIVATE_KEY=0x{}", "SECRET_KEY_BASE={}", "AccountKey={};EndpointSuffix=core.windows.net", "私钥是{}", "秘钥：{}", "AppSecret为{}",
        "https://example.com/webhook/send?key={}", "https://open.feishu.cn/open-apis/bot/v2/hook/{}", "X-Amz-Signature={}",
        "Ocp-Apim-Subscription-Key: {}", "Set-Cookie: sessionid={}; HttpOnly", "accessKeySecret: {}", "<api_key>{}</api_key>",
    )),
}  # fmt: skip

LOOKALIKES: tuple[Callable[[random.Random], str], ...] = (
    lambda d: f"订单号：2026{d.randint(1, 12):02}{d.randint(1, 28):02}{digits(d, 10)}，什么时候发货？",
    lambda d: f"Order {digits(d, 12)} has not arrived; tracking number {digits(d, 16)}.",
    lambda d: f"order id: {digits(d, 18)}",
    lambda d: (
        f"The job ran from {1_700_000_000 + d.randint(0, 9**8)} to {1_700_000_000_000 + d.randint(0, 9**10)}."
    ),
    lambda d: f"timestamp={1_700_000_000_000_000 + d.randint(0, 9**14)}",
    lambda d: f"请升级到版本 {d.randint(1, 20)}.{d.randint(0, 40)}.{d.randint(0, 40)}.{d.randint(0, 200)}",
    lambda d: (
        f"Chrome/{d.randint(90, 130)}.0.{d.randint(0, 255)}.{d.randint(0, 200)} on Windows, driver v{d.randint(1, 9)}.{d.randint(0, 9)}.{d.randint(0, 9)}.{d.randint(0, 9)}"
    ),
    lambda d: f"commit {''.join(d.choices(HEX, k=40))} broke the build",
    lambda d: f"sha256:{''.join(d.choices(HEX, k=64))}",
    lambda d: (
        f"uuid {''.join(d.choices(HEX, k=8))}-{''.join(d.choices(HEX, k=4))}-4{''.join(d.choices(HEX, k=3))}-a{''.join(d.choices(HEX, k=3))}-{''.join(d.choices(HEX, k=12))}"
    ),
    lambda d: (
        f"价格是{d.randint(10_000, 99_999_999)}.{d.randint(0, 99):02}元，优惠后{d.randint(100, 9_999)}元。"
    ),
    lambda d: (
        f"It costs ${d.randint(1, 999)},{d.randint(100, 999)},{d.randint(100, 999)}.00, or ¥{digits(d, 11)} in total."
    ),
    lambda d: f"pi is 3.{digits(d, 15)} and the loss was 0.{digits(d, 16)}",
    lambda d: (
        f"日期 2026-{d.randint(1, 12):02}-{d.randint(1, 28):02} {d.randint(0, 23):02}:{d.randint(0, 59):02}:{d.randint(0, 59):02}.{digits(d, 6)}"
    ),
    lambda d: (
        f"The tensor has shape ({d.randint(1, 512)}, {d.randint(1, 4096)}, {d.randint(1, 4096)}) and {d.randint(10**7, 10**10)} parameters"
    ),
    lambda d: f"物流单号 {d.choice(['SF', 'YT', 'JD'])}{digits(d, 13)} 三天没更新",
    lambda d: f"SKU {d.choice('ABKM')}{digits(d, 8)}，库存{d.randint(100, 99_999)}件",
    lambda d: f"ISBN 978{digits(d, 10)}, page {d.randint(1, 900)}",
    lambda d: f"最新{d.choice('ABCD')}{digits(d, 5)}型号的显卡RTX{d.choice([3090, 4090, 5090])}多少钱？",
    lambda d: (
        f"See section {d.randint(1, 9)}.{d.randint(1, 9)}.{d.randint(1, 9)}.{d.randint(1, 9)} of the handbook."
    ),
    lambda d: f"std::vector<int> a(b::c); f(0x{''.join(d.choices(HEX, k=12))}, {digits(d, 6)})",
    lambda d: (
        f"def reset(password: str, token=None): return check(password=password, n={d.randint(1, 10**6)})"
    ),
    lambda d: f"忘记密码：请点击登录页的“找回密码”。第{d.randint(1, 99)}次尝试。",
    lambda d: (
        f"@mention in {d.choice(['matplotlib', 'numpy'])}=={d.randint(1, 3)}.{d.randint(0, 30)}.{d.randint(0, 9)}, icon@2x.png, retry {d.randint(1, 9)}"
    ),
    lambda d: (
        f"The fleet served {d.randint(10**9, 10**10 - 1)} tokens and {d.randint(10**6, 10**9)} requests in {d.randint(100, 999)} days"
    ),
    lambda d: f"交易流水号{digits(d, 20)}，批次 {digits(d, 8)}-{digits(d, 4)}",
    lambda d: f"密码长度 8-{d.randint(16, 64)} 位，密码2026-11-21到期，令牌桶速率 {digits(d, 4)}/s",
    lambda d: (
        f"input_tokens={digits(d, 5)} max_tokens={digits(d, 4)} --max-tokens {digits(d, 5)} --tokenizer=Qwen/Qwen2.5-7B"
    ),
    lambda d: (
        f"docker run -u {digits(d, 4)}:{digits(d, 4)} img; mysql -h db -P {digits(d, 4)} -u root; uid: 151{digits(d, 8)}"
    ),
    lambda d: (
        f"https://shop.example/p?key=winter-shoes&code={digits(d, 3)}&sign=aries, password: <your-password-{digits(d, 1)}>"
    ),
)
FILLER = (
    "", "", "The weather in Berlin is mild today. ", "请问退货政策是什么？ ", "我想了解一下贷款的利率。", "Summarise the contract below. ",
    "Kindly answer within two days. ", "这台机器上周刚修过。", "Version two is faster than version one. ",
)  # fmt: skip


def texts(seed: int = 4, each: int = 110) -> list[Planted]:
    """``each`` texts of every kind, as many again that only look like it, and some with several things at once."""
    dice = random.Random(seed)
    found = []
    for kind, (makers, carriers) in PERSONAL.items():
        for _ in range(each):
            value = dice.choice(makers)(dice)
            found.append(_in(dice, dice.choice(carriers).format(value), (kind_of(kind), value)))
    found += [_in(dice, dice.choice(LOOKALIKES)(dice)) for _ in range(each * len(PERSONAL))]
    for _ in range(each):
        chosen = dice.sample([kind for kind in PERSONAL if kind != "password"], 3)
        values = [(kind, dice.choice(PERSONAL[kind][0])(dice)) for kind in chosen]
        body = "\n".join(dice.choice(PERSONAL[kind][1]).format(value) for kind, value in values)
        found.append(Planted(body, tuple((kind_of(kind), value) for kind, value in values)))
    return found


def kind_of(kind: str) -> str:
    return "secret" if kind in {"password", "named"} else kind


def _in(dice: random.Random, body: str, *values: tuple[str, str]) -> Planted:
    return Planted(
        dice.choice(FILLER) + body + dice.choice([" ", "\n", "。", ", "]) + dice.choice(FILLER), values
    )
