"""Words that say much the same, one row each, and words too common to prove anything: English and Chinese. Data only.

Only good for comparing: a word stands in one row, and no row holds its opposite.
"""

ENGLISH = """
start begin commence initiate launch
end finish conclude complete terminate
stop halt cease discontinue
buy purchase acquire
send submit transmit forward
need require compulsory mandatory obligatory necessary force oblige
help assist aid
show display indicate
change modify alter amend
fix repair mend
create produce generate
erase wipe delete
discard dispose
keep retain preserve store save
big large huge
small little tiny
fast quick rapid swift
cheap inexpensive affordable
price cost fee charge
refund reimburse repay
salary wage
employee worker staff personnel colleague
company firm business enterprise corporation
customer client
landlord proprietor owner
tenant renter lodger
doctor physician
drug medicine medication
illness disease sickness
injure hurt wound harm
die perish death dead fatality
car vehicle automobile
plane aircraft airplane
ship vessel boat
flat apartment
child kid children
teach lecture instruct
study research investigate investigation
find discover detect
say state tell report mention
think believe suppose suspect
ask request enquire inquire
answer reply respond response
allow permit permission consent agreement authorize enable
forbid prohibit ban disallow
revoke withdraw rescind
dismiss sack dismissal
hire recruit
increase rise grow growth climb up
decrease fall decline drop reduce reduction shrink down
maximum limit exceed most
minimum least
yearly annual annually
often common frequent usual usually typical typically normal normally general generally regular regularly
rare seldom rarely infrequent
important essential crucial vital
dangerous hazardous risky
safe secure
broken defective faulty damaged
error fault failure
switch toggle
button key
press push click tap hit
screen monitor
laptop notebook computer
phone telephone mobile
call ring
letter mail
form application
document paper record
picture photo image photograph
label sticker tag
bottom underneath below
top above
back rear behind
inside internal
outside external
close shut closed
fridge refrigerator refrigerated
freezer frozen
heat warmth
hot overheated
cold cool
wet damp moist
dry arid
noise sound
light lamp led
fuel petrol gasoline
refuel refuelling
trip journey travel
ticket fare
passenger traveller traveler
arrive arrival reach
leave depart departure
late delay delayed
cancel cancellation
appointment booking reservation
book reserve
online internet web
food meal
drink beverage
evening night
morning dawn
quarter quarterly
double twofold
amount sum quantity total
several multiple various
enough sufficient suffice
near nearby
approximately roughly about around nearly almost
immediately instantly promptly directly
again repeatedly repeat anew
before prior ahead earlier previous previously
after afterwards later subsequently following
next subsequent
new fresh
old former
build construct erect
rebuild reconstruct
tool utility instrument
machine device unit apparatus appliance
part component piece
setting option preference configuration
password credential login
log sign
account profile
user member
admin administrator
file folder
install setup
upgrade update
version release
bug defect
loop circuit circle
circulate flow
deliver supply provide offer give grant contribute
output yield
power electricity electrical
revenue sales turnover income
profit earning
expect forecast predict anticipate
confirm verify
dividend payout
shareholder stockholder investor
deposit bond
rent lease tenancy
insurance insurer insure
tax vat
proof evidence
rule regulation policy
law legislation
court tribunal
lawyer attorney
valid effective
expire lapse
compensation damages
collection herbarium
publish publication
translate translation
write author
scientist researcher
university college
school academy
famous renowned
born birth
marry wed spouse married
town city
village hamlet
river stream
mountain hill
flood inundation
fire blaze
storm tempest
narrow tight
wide broad
high tall
museum gallery
destroy ruin demolish
smoke fume
kitchen galley
engine motor
land touchdown
divert redirect reroute
inspect examine check test
result finding outcome
cause reason
because since due
therefore hence thus
problem issue trouble difficulty
effect impact
subside vanish disappear fade
therapy treatment
dose dosage
tablet pill
combine mix blend
equal same identical equivalent
weight weigh
proportional proportion
vacation holiday
boss manager supervisor
team group
meeting conference
training course
protect guard shield
separate isolate split divide apart
connect join link attach
contain include hold comprise
remain stay continue
move shift transfer
choose select pick
add append
enter type input
view see notice observe watch
work operate function run
lose lost loss
throw toss
spoil rot decay
violent violently
eligible entitled
receive get obtain collect
everyone everybody all
nobody none
person people individual human
man men
woman women
parent mother father
neighbour neighbor
animal pet
garden yard
bicycle bike
train railway
speed velocity
accept approve
reject refuse deny
advice recommendation suggestion
advise recommend suggest
agree concur
annoy disturb bother
area region zone district
argue dispute
arrange organize organise
assess evaluate appraise
authority agency office bureau
basic elementary fundamental
battery accumulator
bed mattress
behaviour behavior conduct
belief opinion
benefit advantage
block obstruct
border boundary frontier
brief short concise
bright luminous
budget allowance
burden load strain
busy occupied
calculate compute
careful cautious
carpet rug
certificate certification diploma
clean cleanse wash
clever intelligent
clinic hospital
clothes clothing garment
coach bus
code cipher
cook prepare
copy duplicate
correct right accurate
country nation
couple pair
crime offence offense
crowd mass
customs duty
debt liability
decide determine
describe depict
design plan blueprint
despite notwithstanding
difficult hard tough
dirty soiled
discount rebate
discuss debate
donate donation
educate education
elderly aged senior
elect vote
emergency urgent
empty vacant
encrypt encryption
engineer technician
enlarge expand extend widen
event incident occurrence
exact precise
exhibit exhibition
explain clarify
explode explosion
face confront
factory plant mill works
fan ventilator
farm agriculture
fertilizer manure
fight combat
filter sieve
fine penalty
fit suitable appropriate
floor storey
fluid liquid
forest wood
fragile delicate
free gratis
gather assemble
gift present
glue adhesive
goal aim objective target
goods merchandise product item article
govern government
grade mark
guarantee warranty
guest visitor
guide manual handbook
happy glad
health wellbeing
hide conceal
hole opening
hotel inn
idea notion
ignore disregard
imprison jail
improve enhance better
infect contaminate
inform notify
inhabitant resident citizen population
instruction direction guideline
interrupt disrupt
invent invention
invoice bill
journal magazine
jump leap
lack shortage
leader head chief
leak seep
legal lawful
lend loan
licence license
lift elevator
live reside
location place site position
luggage baggage
main principal primary
material substance
melt thaw
merge amalgamate
motorway highway freeway
name designate
neat tidy
ocean sea
occur happen
officer official
pack package parcel
path route way
pension retirement
period duration term span
pipe tube
poison toxic
pollute pollution
port harbour harbor
possess own
pregnant pregnancy
prevent avert hinder
private personal
procedure process
profession occupation job
programme program
project scheme
promise pledge
promote promotion
property estate
prove demonstrate
question query
quiet silent
rain rainfall
ratio share percentage
ready prepared
real genuine
recover recuperate recovery
register registration enrol enroll
reliable dependable
renew renewal
replace substitute exchange swap
restrict restriction constrain
reveal disclose
reward award prize
rich wealthy
risk hazard danger
rival competitor
rope cord
rotate spin turn
rubbish trash garbage waste
sad unhappy
sample specimen
scare frighten
schedule timetable
seal gasket
secret confidential
section segment
serious severe grave
shore coast
similar alike
simple easy straightforward
skill ability
smell odour odor
soil earth ground
solution remedy
space room
stable steady
stage phase
stairs staircase
standard norm
steal theft
steam vapour vapor
stick adhere
strange odd
strong powerful
subject topic
subscribe subscription
succeed success
sudden abrupt
survey poll
table chart
tank container
task assignment
taste flavour flavor
teacher instructor
technique method
temporary provisional interim
threat menace
tired exhausted
toilet bathroom
trade commerce
transport transportation
try attempt
value worth
victim casualty
warn alert caution
weak feeble
wife husband
wire cable
wrong incorrect
zero nil
""".strip()

# of such words it says little that a passage holds them, or that it does not
LIGHT = [
    "get",
    "got",
    "take",
    "make",
    "give",
    "use",
    "go",
    "come",
    "put",
    "set",
    "let",
    "want",
    "need",
    "like",
    "know",
    "see",
    "look",
    "try",
    "keep",
    "have",
    "thing",
    "way",
    "kind",
    "sort",
    "bit",
    "lot",
    "people",
    "person",
    "someone",
    "anyone",
    "everyone",
    "user",
    "one",
    "two",
    "first",
    "second",
    "time",
    "times",
    "day",
    "case",
    "example",
    "information",
    "detail",
    "number",
    "amount",
    "total",
    "about",
    "around",
    "approximately",
    "roughly",
    "nearly",
    "almost",
    "only",
    "just",
    "also",
    "even",
    "still",
    "already",
    "again",
    "back",
    "away",
    "later",
    "soon",
    "often",
    "usually",
    "generally",
    "typically",
    "normally",
    "basically",
    "simply",
    "really",
    "quite",
    "rather",
    "well",
    "please",
    "note",
    "aware",
    "remember",
    "sure",
    "possible",
    "available",
    "able",
    "different",
    "several",
    "various",
    "certain",
    "particular",
    "specific",
    "own",
    "same",
    "other",
    "another",
    "new",
    "good",
    "great",
    "important",
    "main",
    "more",
    "less",
    "most",
    "least",
    "few",
    "much",
    "many",
    "enough",
    "together",
    "own",
    "various",
    "following",
    "based",
    "according",
    "document",
    "text",
    "context",
    "passage",
    "source",
    "mention",
    "state",
    "say",
    "said",
    "tell",
    "told",
    "describe",
    "expect",
    "mean",
    "means",
    "include",
    "including",
    "become",
    "happen",
    "find",
    "found",
    "offer",
    "provide",
    "allow",
    "let",
    "start",
    "begin",
    "end",
    "stop",
    "show",
    "work",
    "call",
    "ask",
    "answer",
    "think",
    "believe",
    "suppose",
    "help",
    "follow",
    "turn",
    "bring",
    "leave",
    "hold",
    "stay",
    "remain",
    "tend",
    "amount",
    "count",
    "appear",
    "order",
    "respectively",
    "overall",
    "currently",
    "recently",
    "now",
    "today",
    "today's",
    "then",
    "therefore",
    "thus",
    "hence",
    "however",
    "though",
    "although",
    "instead",
    "due",
    "within",
    "without",
    "upon",
    "via",
    "per",
    "along",
    "across",
    "against",
    "under",
    "over",
    "towards",
    "every",
    "each",
    "any",
    "whole",
    "entire",
    "actual",
    "actually",
    "automatically",
]

IRREGULAR = dict(
    pair.split(":")
    for pair in [
        "rose:rise",
        "risen:rise",
        "grew:grow",
        "grown:grow",
        "fell:fall",
        "fallen:fall",
        "paid:pay",
        "kept:keep",
        "took:take",
        "taken:take",
        "held:hold",
        "broke:break",
        "broken:break",
        "sent:send",
        "left:leave",
        "found:find",
        "built:build",
        "rebuilt:rebuild",
        "lost:lose",
        "bought:buy",
        "taught:teach",
        "thought:think",
        "sold:sell",
        "written:write",
        "wrote:write",
        "drove:drive",
        "driven:drive",
        "began:begin",
        "begun:begin",
        "gave:give",
        "given:give",
        "came:come",
        "went:go",
        "gone:go",
        "said:say",
        "told:tell",
        "made:make",
        "saw:see",
        "seen:see",
        "got:get",
        "met:meet",
        "ran:run",
        "won:win",
        "spent:spend",
        "led:lead",
        "felt:feel",
        "became:become",
        "brought:bring",
        "stood:stand",
        "understood:understand",
        "withdrew:withdraw",
        "withdrawn:withdraw",
        "threw:throw",
        "thrown:throw",
        "flew:fly",
        "flown:fly",
        "shut:shut",
        "froze:freeze",
        "frozen:freeze",
        "chose:choose",
        "chosen:choose",
        "spoke:speak",
        "spoken:speak",
        "fed:feed",
        "hurt:hurt",
        "died:die",
        "dying:die",
        "lives:life",
        "children:child",
        "men:man",
        "women:woman",
        "people:person",
        "feet:foot",
        "fired:dismiss",
        "days:day",
        "better:good",
        "best:good",
        "worse:bad",
        "worst:bad",
    ]
)

CHINESE = """
背面 背后 后面 反面
底部 底下 底面
复位 重置
按住 长按 按下 摁住
开机 通电 上电
断电 拔电源 拔掉电源
清除 抹掉 删除 清空 抹去
设置 设定 配置
改过 自定义 修改
账号 帐号 账户 帐户
密码 口令
标签 贴纸
免费 不收钱 不要钱 无偿 不收费
收取 收费 要交 须缴 缴纳 交纳 支付 付费
发车 开车 出发
当天 当日
旅客 乘客
机组 机组人员
晚点 延误 误点
赔偿 补偿 赔付
票价 票款
提出 提交 递交 送达
期限 时限 限期
副作用 不良反应
头痛 头疼
消退 消失 缓解
升高 上升 增高 提高 上涨 增加 增长 上调
下降 降低 下滑 减少 下跌 降至 降到 下调
停药 停止用药
服用 吃药 口服
每天 每日 日均
患者 病人
剂量 用量
缓存 快取
命中 击中
晋升 提升
淘汰 移除 逐出
最久 最长时间 时间最长
未使用 没用过 没有使用
默认 缺省 预设
关闭 停用 禁用 关掉 停止
开启 启用 打开 激活
导出 输出
任教 教书 讲课 授课 执教
发现 找到 察觉
保存 收藏 存放 现藏 储存 藏于
出版 发行 刊行
终身 一生
结婚 嫁给 成婚
营业收入 营收 收入 销售额
营业利润 利润
成本 费用
员工 职工 雇员 人员
公司 企业
董事会 公司董事会
预期 预计 预测
股息 分红 红利 派息
由于 因为
带动 推动 拉动 来自
冰箱 冷藏
室温 常温
变质 坏了 腐坏
丢弃 扔掉 丢掉 抛弃
取出 拿出
翻倍 增加一倍 两倍
烘焙 烘烤
前一晚 前一天晚上 之前的晚上
等重 重量相同 同样重量
许可 同意 征得同意 批准 准许
房东 业主
租客 承租人 房客
租金 房租
押金 保证金
退还 退回 返还 退押金
搬出 搬走 迁出
投诉 抱怨
多次 反复 屡次 再三
撤回 收回 撤销
动物 宠物
书面 纸质
运行 执行 运转
打印 显示
支持 提供 可选
样式 格式 风格
首次 第一次
联网 上网 连网
存储 空间 容量
价格 价钱 售价
前舱 前部
厨房 灶间
冒烟 烟雾 起烟
降落 备降 着陆
受伤 伤亡
怀疑 可能 疑似
过热 温度过高 太热
机龄 飞机年龄
检查 检测 检验
换乘 改乘 坐另一架
继续 接着
行程 旅程
上午 早上 早晨 清晨
晚上 夜里 夜间 晚间
次日 第二天
购车 买车
凭证 证明 单据
车辆 汽车 车子
行驶 跑了 开了
不足 不到 不满 少于 未满
超过 以上 多于 大于
至多 最多 不超过 不得超过 最高
至少 最少 最低 不少于
视为 当作 看作
立即 马上 立刻 即刻
开放 上班 营业 办公
预约 预订
网上 在线 线上 互联网
传给 传递 输送
二回路 第二回路
一回路 第一回路
剧烈 激烈 猛烈
隔开 分开 分隔 隔离
换料 换燃料 更换燃料
功率 电功率 发电功率
冷却 降温
申请 请求
休假 放假
提前 事先
兼职 半日工作
解雇 辞退 开除 裁掉
医疗保险 医保
照常 不变 不受影响 维持 仍为 保持
按比例 按比率
发放 支付给
上游 上段
决口 垮了 溃坝 溃决 决堤
遇难 丧生 死亡 身亡 去世
房屋 房子 住宅
被毁 毁掉 毁坏 摧毁
冲走 卷走
重建 再建
认定 认为 判定
过窄 太窄 狭窄
建成 完工 竣工 落成
库容 蓄水量
选择 点击 选取 挑选
验证器 认证器
硬件密钥 安全密钥
短信 手机短信
截获 截取 拦截
妥善 好好
使用 利用 采用
强制 要求 规定
整个 所有人 全部 全体 所有
完成 设置好 做完
锁定 锁住 锁掉
购买 采购 选购
出售 销售
顾客 客户 客人
维修 修理 修复
损坏 坏掉 破损
保修 质保
更换 调换 替换
安装 装配
帮助 协助
联系 联络
电话 来电
邮件 邮箱
地址 住址
免除 豁免
有效 生效
过期 失效 到期
开始 起始
结束 终止 截止
大约 左右 大概
每年 一年一次
医生 大夫 医师
孩子 子女 儿童
老师 教师
学生 学员
接受 认可
拒绝 回绝
附上 附带
建议 推荐
安排 组织
评估 评价 评定
平均 均值
基本 基础
电池 蓄电池
行为 举止
优点 优势 好处
缺点 不足之处 劣势
边界 边境
品牌 牌子
简短 简要 简洁
预算 经费
计算 核算
小心 谨慎 当心
证书 证件
清洁 清洗 打扫
医院 诊所
衣服 服装
公交 公共汽车
复制 拷贝
正确 准确
国家 国度
决定 确定
损害 伤害
债务 欠款
描述 叙述
设计 规划
困难 艰难
折扣 优惠 打折
讨论 商议 商讨
捐赠 捐款
教育 培训
老人 老年人
选举 投票
紧急 应急
加密 加了密
工程师 技术人员
扩大 扩展 扩充
事件 事故
精确 精准
展览 展出
解释 说明
爆炸 起爆
工厂 厂房
风扇 风机
罚款 罚金
合适 适合 适当
灵活 弹性
液体 液态
森林 树林
礼物 礼品
目标 目的
货物 商品 产品
政府 当局
毕业 结业
保证 担保
访客 来宾
手册 指南 说明书
健康 身体状况
隐藏 隐蔽
酒店 旅馆 宾馆
忽略 忽视
改进 改善 改良
通知 告知
居民 住户
中断 打断
发明 创造
发票 账单
缺少 缺乏 短缺
泄漏 渗漏 漏水
合法 依法
借出 贷款
许可证 执照
电梯 升降机
居住 住在
位置 地点 场所
行李 包裹
主要 首要
制造 生产
测量 量度
融化 熔化
合并 并入
消息 信息
高速公路 高速路
网络 网路
海洋 大海
发生 出现
官员 公务员
管道 管子
时期 期间 时段
污染 弄脏
预防 防止 避免
隐私 私人
步骤 流程 程序
职业 工作岗位
项目 工程
安静 静音
降雨 下雨
比例 占比 比率
恢复 复原
登记 注册
可靠 稳定
续期 续订 续约
替代 代替 取代
限制 约束
披露 公开 公布
奖励 奖品
风险 危险
绳子 绳索
旋转 转动
垃圾 废物
样本 标本
时间表 日程
机密 保密
严重 严峻
类似 相似
简单 容易
能力 技能
气味 味道
土壤 泥土
解决 处理
来源 出处
阶段 时候
被盗 偷走
蒸汽 水汽
订阅 订购
成功 顺利
突然 忽然
调查 查证
临时 暂时
方法 办法 方式
温度 气温
威胁 恐吓
尝试 试图
卫生间 厕所
贸易 交易
运输 运送
警告 提醒
错误 差错
电缆 电线
丈夫 妻子
缩短 变短
延长 加长
位于 坐落
成立 创立 创办
担任 出任
获得 得到 取得 领取
举行 举办
快速 迅速 很快
仅仅 只有
另外 此外
例如 比如
经常 常常 时常
偶尔 有时
全年 整年
半年 六个月
一周 一星期 七天
手机 移动电话
电脑 计算机
软件 程序软件
用户 使用者
登录 登入
下载 下载安装
刷新 更新
故障 毛病
重启 重新启动
连接 链接
屏幕 显示屏
按钮 按键
菜单 选单
文件 文档
文件夹 目录
管理员 管理者
权限 授权
备份 备用副本
""".strip()

# what they turn round is looked at elsewhere; here they would only make pairs with their neighbours
MODAL = [
    "不得",
    "不要",
    "不能",
    "不可",
    "不可以",
    "禁止",
    "严禁",
    "切勿",
    "请勿",
    "不准",
    "必须",
    "需要",
    "应当",
    "务必",
    "一定要",
    "需",
    "须",
    "应",
    "无需",
    "不用",
    "不必",
    "无须",
    "不需要",
    "可以",
    "能够",
    "能",
    "可",
    "会",
    "允许",
]
