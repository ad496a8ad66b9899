"""nginx's configuration: one file for all, and one for each cluster with its members in it."""

from actuators.balancers.checked import address_of, require_listener
from actuators.balancers.cluster_file import ClusterFile

CONFIG, CLUSTERS = "nginx.conf", "clusters"
TRIAL, CANDIDATE = "trial.conf", "candidate.conf"
"""A configuration of one cluster alone, which nginx reads before that cluster's file is replaced."""
PID, ERRORS = "nginx.pid", "nginx.log"
FOLDERS = (CLUSTERS, "counts", "tmp")
WORKERS = 2
"""A fixed number: by it the end of a reload is recognised."""
STATUS = "# status: "
"""How the line with the address of the status server begins."""


def base_text(status: str, *, user: str, clusters: str = f"{CLUSTERS}/*.conf") -> str:
    """Return what is the same for all clusters; ``user`` is whose the workers are, empty unless root starts it.

    Connections to clients end with each answer (``keepalive_timeout 0``): a worker that a reload has replaced closes
    those that are kept, and a request that was just being sent on one is lost.

    Raises
    ------
    ValueError
        ``status`` is no address.
    """
    return f"""\
{STATUS}{require_listener(status)}
# Written by Pileus when nginx starts. Paths are relative to this folder.
daemon off;
{f"user {user};" if user else ""}
pid {PID};
error_log {ERRORS} warn;
worker_processes {WORKERS};
worker_shutdown_timeout 1h;
events {{
    worker_connections 4096;
}}
http {{
    log_format count x;
    access_log off;
    server_tokens off;
    keepalive_timeout 0;
    client_max_body_size 0;
    client_body_temp_path tmp/body;
    proxy_temp_path tmp/proxy;
    fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi;
    scgi_temp_path tmp/scgi;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_connect_timeout 1s;
    proxy_next_upstream error timeout;
    server_names_hash_bucket_size 128;
    server {{
        listen {status} default_server;
        return 404;
    }}
    include {clusters};
}}
"""


def file_of(cluster: str) -> str:
    """Return the name of a cluster's file."""
    return f"{cluster}.conf"


def counts_of(cluster: str) -> str:
    """Return the path of the log that has two bytes for each request of a cluster."""
    return f"counts/{cluster}.log"


def cluster_text(cluster: str, wanted: ClusterFile, *, status: str) -> str:
    """Return a cluster's part of the configuration; ``status`` tells its revision to whoever asks for ``cluster``."""
    members = "".join(f"    server {address_of(target)} max_fails=1 fail_timeout=1s;\n" for target in wanted.routed)
    upstream = f"upstream {cluster} {{\n    zone {cluster} 1m;\n    least_conn;\n{members}}}\n" if members else ""
    return f"""\
{upstream}server {{
    listen {wanted.listen} default_server;
    access_log {counts_of(cluster)} count;
    location / {{
        {f"proxy_pass http://{cluster};" if members else "return 503;"}
    }}
}}
server {{
    listen {status};
    server_name {cluster};
    return 200 "{wanted.revision}";
}}
"""
