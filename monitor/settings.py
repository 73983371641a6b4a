"""One door to the environment. Development is the default; production is what the variables say.

Every variable has its line in ``templates/docs/configuration.md``.
"""

from pathlib import Path

from monitor.core.env import Env
from monitor.store.servers.layout import Layout, database_settings, local_secret

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent

VIGIL_DATA = Path(env.text("VIGIL_DATA", str(BASE_DIR / "var"))).resolve()
VIGIL_BIND = env.address("VIGIL_BIND", "127.0.0.1:8000")
VIGIL_PUBLIC_URL = env.text("VIGIL_PUBLIC_URL", f"http://{VIGIL_BIND[0]}:{VIGIL_BIND[1]}/")
VIGIL_DEMO = env.flag("VIGIL_DEMO", default=env.flag("DEMO", default=True))
# OTLP over gRPC is not taken; whoever calls there is told where to send instead. 0: nobody listens
VIGIL_GRPC_PORT = env.number("VIGIL_GRPC_PORT", 4317)
VIGIL_WEB_WORKERS = env.number("VIGIL_WEB_WORKERS", 2, least=1)
VIGIL_RETENTION_DAYS = env.number("VIGIL_RETENTION_DAYS", 90, least=1)
VIGIL_RETENTION_5M_DAYS = env.number("VIGIL_RETENTION_5M_DAYS", 180)
VIGIL_RETENTION_1H_DAYS = env.number("VIGIL_RETENTION_1H_DAYS", 730)
VIGIL_MAX_BODY_BYTES = env.number("VIGIL_MAX_BODY_BYTES", 20_000_000, least=1_000)
# what the questions that one process answers may hold together
VIGIL_QUERY_MEMORY_MB = env.number("VIGIL_QUERY_MEMORY_MB", 1_200, least=16)
# files of scrape targets are read below these folders only
VIGIL_SCRAPE_FILES = env.names("VIGIL_SCRAPE_FILES", f"/etc/prometheus,{VIGIL_DATA / 'targets'}")
# rule files of projects, as SLUG=PATH: a file, a folder or a pattern
VIGIL_RULE_FILES = env.pairs("VIGIL_RULE_FILES")
# boards of projects, ours or Grafana's, as SLUG=PATH: a file, a folder or a pattern
VIGIL_BOARD_FILES = env.pairs("VIGIL_BOARD_FILES")
VIGIL_ALLOW_PRIVATE_TARGETS = env.flag("VIGIL_ALLOW_PRIVATE_TARGETS", default=True)
# an OpenAI-compatible endpoint for vectors of prompts; unset: the offline embedder
# where a worker tells its own numbers; None: the web server beside it does
VIGIL_METRICS_BIND = (
    env.address("VIGIL_METRICS_BIND", "127.0.0.1:0") if env.text("VIGIL_METRICS_BIND") else None
)
# fetched each minute as long as all is well
VIGIL_HEARTBEAT_URL = env.text("VIGIL_HEARTBEAT_URL")
VIGIL_EMBEDDING_URL = env.text("VIGIL_EMBEDDING_URL")
VIGIL_EMBEDDING_MODEL = env.text("VIGIL_EMBEDDING_MODEL", "default")
VIGIL_EMBEDDING_KEY = env.text("VIGIL_EMBEDDING_KEY")
# an Nginx on the worker's machine whose traffic releases may move
VIGIL_NGINX_FOLDER = env.text("VIGIL_NGINX_FOLDER")
VIGIL_NGINX_PROGRAM = env.text("VIGIL_NGINX_PROGRAM", "nginx")
VIGIL_NGINX_CONF = env.text("VIGIL_NGINX_CONF")

LAYOUT = Layout(VIGIL_DATA)
DATABASE_URL = env.text("DATABASE_URL")
EMBEDDED_DATABASE = not DATABASE_URL
DATABASES = {"default": database_settings(DATABASE_URL, LAYOUT)}
DATABASE_ROUTERS: list[str] = []

# a Prometheus-compatible cluster that keeps the series instead of PostgreSQL; read by monitor.remote
METRICS_URL = env.text("METRICS_URL")
METRICS_WRITE_URL = env.text("METRICS_WRITE_URL")
METRICS_HEADERS = env.text("METRICS_HEADERS")
METRICS_LABEL = env.text("METRICS_LABEL")
METRICS_HISTOGRAMS = env.text("METRICS_HISTOGRAMS")
METRICS_QUEUE_SAMPLES = env.number("METRICS_QUEUE_SAMPLES", 20_000_000, least=1)

REDIS_URL = env.text("REDIS_URL")
EMBEDDED_REDIS = not REDIS_URL
REDIS_URL = REDIS_URL or LAYOUT.redis_url

SECRET_KEY = env.text("VIGIL_SECRET_KEY") or local_secret(LAYOUT, "secret_key")
DEBUG = env.flag("VIGIL_DEBUG", default=False)
ALLOWED_HOSTS = env.names("VIGIL_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = env.names("VIGIL_TRUSTED_ORIGINS")
if env.flag("VIGIL_BEHIND_TLS", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000

# how many proxies before us may be believed about the address of a browser
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("VIGIL_TRUSTED_PROXIES", 0)

# single sign-on: any OpenID Connect provider; unset = names and passwords only
VIGIL_OIDC_ISSUER = env.text("VIGIL_OIDC_ISSUER")
VIGIL_OIDC_CLIENT_ID = env.text("VIGIL_OIDC_CLIENT_ID")
VIGIL_OIDC_CLIENT_SECRET = env.text("VIGIL_OIDC_CLIENT_SECRET")
VIGIL_OIDC_NAME = env.text("VIGIL_OIDC_NAME", "SSO")
VIGIL_OIDC_CLAIM = env.text("VIGIL_OIDC_CLAIM", "groups")
VIGIL_OIDC_ROLES = env.pairs("VIGIL_OIDC_ROLES")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "csp",
    "auditlog",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "monitor",
    "dashboards",
]
MIDDLEWARE = [
    "monitor.api.straight.straight",
    "monitor.api.posting.posting",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "monitor.api.scripts.Middleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "monitor.people.trail.Middleware",
]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ACCOUNT_ADAPTER = "dashboards.accounts.Accounts"
ACCOUNT_FORMS = {"login": "dashboards.accounts.SignIn"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
# a stolen list of passwords: five tries per name in five minutes, ten per address in one
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "10/m/ip,5/5m/key"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Vigil"
SOCIALACCOUNT_ADAPTER = "dashboards.accounts.SignOn"
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "sso",
                "name": VIGIL_OIDC_NAME,
                "client_id": VIGIL_OIDC_CLIENT_ID,
                "secret": VIGIL_OIDC_CLIENT_SECRET,
                "settings": {"server_url": VIGIL_OIDC_ISSUER},
            }
        ]
        if VIGIL_OIDC_ISSUER
        else [],
    }
}
ROOT_URLCONF = "monitor.urls"
WSGI_APPLICATION = "monitor.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
CSP_SELF = "'self'"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [CSP_SELF],
        "script-src": [CSP_SELF],
        # Plotly writes style attributes on the elements it draws
        "style-src": [CSP_SELF, "'unsafe-inline'"],
        "img-src": [CSP_SELF, "data:"],
        "frame-ancestors": [CSP_SELF],
        "form-action": [CSP_SELF],
        "base-uri": [CSP_SELF],
    },
}
UNFOLD = {
    "SITE_TITLE": "Vigil",
    "SITE_HEADER": "Vigil",
    "STYLES": ["/static/admin.css"],
    "SCRIPTS": ["/static/admin.js"],
    "SITE_FAVICONS": [{"rel": "icon", "href": "/static/favicon.svg"}],
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "templates" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = VIGIL_DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# the admin's files come straight out of their packages; there is no collecting step to forget
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# our own limit, with a clear 413, is in the ingest door
DATA_UPLOAD_MAX_MEMORY_SIZE = VIGIL_MAX_BODY_BYTES

CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
EMAIL_HOST = env.text("VIGIL_SMTP_HOST", "localhost")
EMAIL_PORT = env.number("VIGIL_SMTP_PORT", 25)
EMAIL_HOST_USER = env.text("VIGIL_SMTP_USER")
EMAIL_HOST_PASSWORD = env.text("VIGIL_SMTP_PASSWORD")
EMAIL_USE_TLS = env.flag("VIGIL_SMTP_TLS", default=False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("VIGIL_MAIL_FROM", "vigil@localhost")

# the broker has a name of its own for sockets
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 600
# in kilobytes, looked at after each task: what a long history took is given back
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 300_000
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "monitor.core.logs.Line", "format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"()": "monitor.core.logs.Json"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json" if env.flag("VIGIL_LOG_JSON", default=False) else "line",
        }
    },
    "root": {"handlers": ["console"], "level": env.text("VIGIL_LOG_LEVEL", "WARNING")},
    "loggers": {
        "vigil": {"level": env.text("VIGIL_LOG_LEVEL", "INFO")},
        # they write down whole addresses, and those of robots hold their keys
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
    },
}
