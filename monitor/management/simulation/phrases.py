"""What people ask the simulated services and what good answers look like, in Chinese and English.

A topic is a handful of patterns; braces are filled from ``FILL``. Personal data in them is planted, to show
that redaction works: reserved domains, published test numbers, nobody's own.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """Questions and the answers that fit them, pattern by pattern. ``facts`` are a RAG topic's documents."""

    name: str
    language: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()


FILL: dict[str, tuple[str, ...]] = {
    "order": ("A1027", "B3391", "C4408", "D7712", "E9054"),
    "item": ("kettle", "bicycle lamp", "desk", "headset", "rain jacket", "coffee grinder"),
    "city": ("Hamburg", "Lyon", "Porto", "Leeds", "Turin"),
    "days": ("3", "5", "7", "10"),
    "thing": ("电饭煲", "台灯", "行李箱", "蓝牙耳机", "羽绒服"),
    "place": ("杭州", "成都", "西安", "厦门", "长沙"),
    "func": ("parse_date", "merge_rows", "load_config", "retry_call"),
    "email": ("li.wei@example.com", "anna.k@example.org", "zhang@example.net"),
    "phone": ("13800138000", "+86 138 0013 8000", "+49 30 901820"),
    "card": ("4111 1111 1111 1111", "5555 5555 5555 4444"),
    "resident": ("11010519491231002X",),
    "party": ("甲方", "乙方", "供应商", "承租人"),
    "term": ("十二个月", "三年", "九十天", "半年"),
    "rate": ("0.05%", "3%", "10%", "20%"),
}

ORDERS = Topic(
    "orders",
    "en",
    (
        "Where is my order {order}? I bought a {item} and it should have reached {city} {days} days ago.",
        "My order {order} with the {item} was shipped to the old address in {city}. Please write to {email}.",
        "How long does delivery of a {item} to {city} take, and can I change the order {order} before it ships?",
    ),
    (
        (
            "Your order {order} with the {item} left our warehouse and is on its way to {city}. "
            "Delivery usually takes {days} days; the tracking link of the order is in your account."
        ),
        (
            "I have changed the address of order {order}. The {item} will go to the new address in {city}, "
            "and you will receive a confirmation within an hour."
        ),
        (
            "Delivery of the {item} to {city} takes about {days} days. You can change order {order} in your "
            "account until it ships; after that, refuse the parcel and we send it again."
        ),
    ),
)
REFUNDS = Topic(
    "refunds",
    "en",
    (
        "The {item} from order {order} arrived broken. I paid with card {card}, how do I get a refund?",
        "I returned the {item} {days} days ago and still see no refund for order {order}. Call me on {phone}.",
        "Can I return the {item} after {days} days if the box is open, and who pays the return postage?",
    ),
    (
        (
            "I am sorry the {item} arrived broken. I have started the refund for order {order}: "
            "it reaches your card within {days} working days, and you need not send the {item} back."
        ),
        (
            "Your return of the {item} reached us and the refund for order {order} was approved. "
            "It appears on your account within {days} working days."
        ),
        (
            "Yes, you can return the {item} within 30 days even if the box is open. "
            "Return postage is free with the label in your account; the refund follows after {days} days."
        ),
    ),
)
CODE = Topic(
    "code",
    "en",
    (
        "Explain why my Python function {func} raises KeyError when the input dictionary is empty.",
        "Write a unit test for the function {func} that covers the empty list and a list with {days} rows.",
        "How do I make the function {func} retry {days} times with exponential backoff in Python?",
    ),
    (
        (
            "The function {func} reads a key without checking that it exists, so an empty dictionary raises "
            "KeyError. Use `data.get(key)` or test `if key in data` before reading."
        ),
        (
            "A unit test for {func} needs two cases: the empty list must return an empty result, and a list with "
            "{days} rows must return {days} rows. Use `pytest.mark.parametrize` for both."
        ),
        (
            "Wrap {func} in a loop of {days} tries; after each exception sleep `0.5 * 2 ** attempt` seconds with "
            "some random jitter, and raise the last error when all retries failed."
        ),
    ),
)
SHOPPING = Topic(
    "shopping",
    "zh",
    (
        "我上周买的{thing}还没有送到{place}，订单号是{order}，能帮我查一下物流吗？",
        "{thing}有质量问题，想退货退款，我的手机号是{phone}，请问退款多久到账？",
        "请推荐一款适合送给父母的{thing}，预算五百元以内，可以寄到{place}吗？",
    ),
    (
        "您好，订单{order}的{thing}已经到达{place}的分拨中心，预计明天送达。您可以在订单页查看物流详情。",
        "很抱歉{thing}出现质量问题。您可以在订单页申请退货退款，我们收到后{days}个工作日内原路退款到账。",
        "五百元以内推荐操作简单、售后方便的{thing}，适合送给父母。我们支持寄到{place}，一般{days}天送达。",
    ),
)
CONTRACTS = Topic(
    "contract review",
    "zh",
    (
        "请审查下面这份合同，指出对{party}不利的条款，并给出修改建议。违约金比例是{rate}，期限{term}。",
        "请逐条总结这份租赁合同的风险，特别是{term}的免租期和{rate}的滞纳金，对{party}有什么影响？",
        (
            "这份采购合同里，{party}的交付期限是{term}，违约金{rate}，请判断是否合理并改写相关条款。"
            "联系人身份证号{resident}，邮箱{email}。"
        ),
    ),
    (
        (
            "这份合同对{party}不利的条款主要是违约金和期限：违约金比例{rate}偏高，建议改为不超过实际损失的三成；"
            "期限{term}没有约定提前解除的条件，建议增加书面通知三十天后可以解除的条款。"
        ),
        (
            "租赁合同的主要风险有两点：{term}的免租期没有写明起算日，容易产生争议；滞纳金{rate}按日计算，"
            "对{party}影响较大，建议约定上限。"
        ),
        (
            "交付期限{term}基本合理，但违约金{rate}没有上限，对{party}风险较大。建议改写为："
            "逾期交付的违约金按日计算，总额不超过合同价款的百分之十。"
        ),
    ),
)
CONTRACTS_EN = Topic(
    "contract review",
    "en",
    ("Review the supply agreement below and list the clauses that put us at risk. The penalty is {rate}.",),
    (
        (
            "The clauses that put you at risk are the penalty and the term: a penalty of {rate} has no cap, so ask "
            "for a limit of ten percent, and the agreement lacks a right to terminate after written notice."
        ),
    ),
)
CLAUSES: tuple[str, ...] = (
    "第{n}条 乙方应在收到甲方书面通知之日起三十日内完成交付，逾期每日按合同价款的千分之五支付违约金。",
    "第{n}条 双方对在履行本合同过程中获知的商业秘密负有保密义务，保密期限自合同终止之日起三年。",
    "第{n}条 因不可抗力致使合同无法履行的，受影响一方应当及时通知对方，并在合理期限内提供证明。",
    "第{n}条 本合同的验收标准以附件二为准，甲方应在收到货物后十个工作日内提出书面异议，否则视为验收合格。",
    "第{n}条 与本合同有关的争议由双方协商解决；协商不成的，提交甲方所在地有管辖权的人民法院诉讼解决。",
)
HANDBOOK = Topic(
    "handbook",
    "zh",
    (
        "年假没休完可以顺延到明年吗？",
        "出差住宿的报销标准是多少，需要提供哪些材料？",
        "试用期员工可以申请远程办公吗，需要谁批准？",
        "忘记打卡了怎么补，一个月能补几次？",
    ),
    (
        "可以。根据员工手册，未休完的年假可以顺延到次年三月三十一日，逾期自动作废。",
        "出差住宿的报销标准是一线城市每晚五百元，其他城市每晚三百五十元，需要提供发票和出差申请单。",
        "可以。试用期员工每周最多申请一天远程办公，需要直属经理和人力资源部共同批准。",
        "忘记打卡可以在三个工作日内提交补卡申请，每月最多补卡两次，由直属经理批准。",
    ),
    (
        ("年假制度", "未休完的年假可以顺延到次年三月三十一日，逾期自动作废。离职时未休年假按日工资折算。"),
        (
            "差旅报销",
            "出差住宿的报销标准是一线城市每晚五百元，其他城市每晚三百五十元，需要提供发票和出差申请单。",
        ),
        ("远程办公", "试用期员工每周最多申请一天远程办公，需要直属经理和人力资源部共同批准。"),
        ("考勤制度", "忘记打卡可以在三个工作日内提交补卡申请，每月最多补卡两次，由直属经理批准。"),
    ),
)
MANUALS = Topic(
    "manuals",
    "en",
    (
        "How do I reset the pump controller after error E42?",
        "Which oil does the compressor need and how often is it changed?",
        "What is the highest pressure at which the filter housing may be opened?",
    ),
    (
        (
            "To reset the pump controller after error E42, switch the main power off for sixty seconds and hold the "
            "green button while it starts."
        ),
        "The compressor needs synthetic oil of grade ISO VG 46, and it is changed every four thousand hours.",
        "The filter housing may only be opened below 0.2 bar; vent the line first and read the gauge.",
    ),
    (
        (
            "Pump controller",
            (
                "After error E42 the pump controller is reset by switching the main power off for sixty "
                "seconds and holding the green button while it starts."
            ),
        ),
        (
            "Compressor",
            (
                "The compressor needs synthetic oil of grade ISO VG 46. The oil is changed every four thousand hours "
                "or once a year."
            ),
        ),
        (
            "Filter",
            "The filter housing may only be opened below 0.2 bar. Vent the line first and read the gauge.",
        ),
    ),
)
CHAT_TOPICS = (ORDERS, REFUNDS, CODE, SHOPPING)
DRIFTED_TOPICS = (CONTRACTS, CONTRACTS, CONTRACTS, CONTRACTS_EN)
RAG_TOPICS = (HANDBOOK, HANDBOOK, MANUALS)

EVASIONS = {
    "en": "I'm sorry, I can't help with that at the moment. Please try again later.",
    "zh": "抱歉，这个问题我暂时无法回答，请稍后再试。",
}
UNGROUNDED = {
    "en": "That depends on the model and the situation; in general it is best to contact the manufacturer.",
    "zh": "一般来说，这取决于具体情况，建议您联系相关部门了解最新的规定。",
}
