"""
How the documentation of popular images says to run them.

C{ROOT} stands for a directory below a root. Each line works as it is, or says by which rule it
is denied and what an operator writes to allow it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from attrs import field, frozen

#: What each image has: a stand-in of busybox is made with it.
IMAGES: Mapping[str, Sequence[str]] = {
    "postgres:16": (
        "EXPOSE 5432",
        "VOLUME /var/lib/postgresql/data",
        "ENV PGDATA=/var/lib/postgresql/data",
        'CMD ["postgres"]',
    ),
    "mysql:8": ("EXPOSE 3306 33060", "VOLUME /var/lib/mysql", 'CMD ["mysqld"]'),
    "redis:7": ("EXPOSE 6379", "VOLUME /data", "WORKDIR /data"),
    "nginx:1": ("EXPOSE 80",),
    "traefik:3": ("EXPOSE 80",),
    "registry:2": ("EXPOSE 5000", "VOLUME /var/lib/registry"),
    "rabbitmq:3-management": ("EXPOSE 4369 5671 15672", "VOLUME /var/lib/rabbitmq"),
    "mongo:7": ("EXPOSE 27017", "VOLUME /data/configdb", "VOLUME /data/db"),
    "elasticsearch:8": ("EXPOSE 9200 9300", "USER 1000", "WORKDIR /usr/share/elasticsearch"),
    "node:20": ('CMD ["node"]',),
    "python:3": ('CMD ["python3"]',),
    "golang:1": ("WORKDIR /go", "ENV GOPATH=/go"),
    "maven:3": ('CMD ["mvn"]',),
    "grafana/grafana-oss:11": ("USER 472", "EXPOSE 3000"),
    "prom/prometheus:v2": ("USER 65534", "EXPOSE 9090", "VOLUME /prometheus"),
    "quay.io/minio/minio:1": ("EXPOSE 9000", "VOLUME /data"),
    "selenium/standalone-firefox:4": ("USER 1200", "EXPOSE 4444"),
    "hashicorp/vault:1": ("VOLUME /vault/logs", "VOLUME /vault/file", "EXPOSE 8200"),
    "localstack/localstack:3": (
        "EXPOSE 4566",
        "VOLUME /var/lib/localstack",
        "HEALTHCHECK --interval=1h --timeout=5s CMD true",
    ),
    "jenkins/jenkins:lts": ("USER 1000", "VOLUME /var/jenkins_home", "EXPOSE 8080 50000"),
    "memcached:1": ("USER 11211", "EXPOSE 11211"),
    "cassandra:5": ("VOLUME /var/lib/cassandra",),
    "apache/kafka:3": ("USER 1000", "EXPOSE 9092"),
    "docker:dind": ("VOLUME /var/lib/docker",),
    "quay.io/prometheus/node-exporter:1": ("USER 65534",),
    "linuxserver/wireguard:1": ("VOLUME /config",),
}


@frozen
class Line:
    """
    A line that begins with C{docker run -d}.

    @ivar arguments: what follows.
    @ivar rules: the rules by which it is denied with the default settings.
    @ivar settings: what an operator writes into C{[containers]} to allow it; a denial tells
        each of them.
    """

    arguments: str
    rules: tuple[str, ...] = ()
    settings: tuple[str, ...] = field(default=())

    def argv(self, root: str) -> list[str]:
        """
        The arguments, with a directory in place of C{ROOT}.
        """
        return shlex.split(self.arguments.replace("ROOT", root))


_CAPABILITY = "container.capabilities"

LINES: tuple[Line, ...] = (
    Line("--name some-postgres -e POSTGRES_PASSWORD=mysecretpassword postgres:16"),
    Line(
        "-e POSTGRES_PASSWORD=x -e PGDATA=/var/lib/postgresql/data/pgdata --shm-size=128mb "
        "-v ROOT/pg:/var/lib/postgresql/data postgres:16 -c shared_buffers=256MB"
    ),
    Line("--user 1000:1000 -v pgdata:/var/lib/postgresql/data postgres:16"),
    Line("--tmpfs /var/lib/postgresql/data:rw,size=64m -p 127.0.0.1:5432:5432 postgres:16"),
    Line(
        "-v ROOT/mysql:/var/lib/mysql -e MYSQL_ROOT_PASSWORD=my-secret-pw mysql:8 "
        "--character-set-server=utf8mb4"
    ),
    Line(
        "--cap-add=sys_nice -e MYSQL_ROOT_PASSWORD=x mysql:8",
        (_CAPABILITY,),
        ('capabilities = ["SYS_NICE"]',),
    ),
    Line("redis:7 redis-server --save 60 1 --loglevel warning"),
    Line("-v ROOT/conf:/usr/local/etc/redis --sysctl net.core.somaxconn=511 redis:7"),
    Line(
        "--network app --network-alias cache --health-cmd 'redis-cli ping' "
        "--health-interval 1h --health-timeout 5s --health-retries 5 -p 6379 redis:7"
    ),
    Line("-p 8080:80 -v ROOT/html:/usr/share/nginx/html:ro nginx:1"),
    Line("--read-only -v ROOT/cache:/var/cache/nginx -v ROOT/pid:/var/run nginx:1"),
    Line("--init --stop-timeout 3 --log-opt max-size=10m --log-opt max-file=3 nginx:1"),
    Line(
        "-p 80:80 nginx:1",
        ("container.ports",),
        ('ports.ranges = ["1024-65535", "80"]',),
    ),
    Line("-p 8090:8080 -v ROOT/traefik:/etc/traefik --label traefik.enable=true traefik:3"),
    Line("-p 5000:5000 --restart=always --name registry registry:2"),
    Line("--hostname my-rabbit -e RABBITMQ_DEFAULT_USER=user -p 15672:15672 rabbitmq:3-management"),
    Line("-v ROOT/mongo:/data/db mongo:7 --wiredTigerCacheSizeGB 1.5"),
    Line(
        "--net app -p 9200:9200 -p 9300:9300 -e discovery.type=single-node "
        "--ulimit memlock=65536:65536 --ulimit nofile=1024:4096 -m 1g elasticsearch:8"
    ),
    Line("--rm -v ROOT/app:/usr/src/app -w /usr/src/app node:20 node app.js"),
    Line(
        "-e NODE_ENV=production -m 300M --memory-swap 1G -w /home/node/app -u 1000 "
        "--cpus 1.5 --pids-limit 100 node:20 node script.js"
    ),
    Line("--rm -v ROOT/app:/usr/src/myapp -w /usr/src/myapp python:3 python script.py"),
    Line("--rm -v ROOT/app:/app -w /app -e GOOS=windows -e GOARCH=386 golang:1 go build -v"),
    Line("-v maven-repo:/root/.m2 -v ROOT/app:/usr/src/mymaven -w /usr/src/mymaven maven:3"),
    Line("-p 3000:3000 --user 1000 --volume ROOT/grafana:/var/lib/grafana grafana/grafana-oss:11"),
    Line("-p 9090:9090 -v ROOT/prometheus.yml:/etc/prometheus/prometheus.yml prom/prometheus:v2"),
    Line(
        "-p 9000:9000 -p 9001:9001 -v ROOT/minio:/data -e MINIO_ROOT_USER=ROOTUSER "
        'quay.io/minio/minio:1 server /data --console-address ":9001"'
    ),
    Line("-p 4444:4444 -p 7900:7900 --shm-size=2g selenium/standalone-firefox:4"),
    Line(
        "--cap-add=IPC_LOCK -e VAULT_DEV_ROOT_TOKEN_ID=myroot hashicorp/vault:1",
        (_CAPABILITY,),
        ('capabilities = ["IPC_LOCK"]',),
    ),
    Line("-p 127.0.0.1:4566:4566 -p 127.0.0.1:4510-4513:4510-4513 localstack/localstack:3"),
    Line(
        "-v jenkins_home:/var/jenkins_home -p 8081:8080 -p 50000:50000 --restart=on-failure "
        "jenkins/jenkins:lts"
    ),
    Line("memcached:1 memcached -m 64"),
    Line("--network app --ip 10.78.0.9 --ulimit nofile=4096:4096 cassandra:5"),
    Line("--add-host host.docker.internal:host-gateway --dns 10.0.0.53 apache/kafka:3"),
    Line(
        "--mount type=bind,source=ROOT/app,target=/workspaces/app,consistency=cached "
        "--mount type=volume,src=vscode,dst=/vscode -l devcontainer.local_folder=ROOT/app "
        '-e A=b --entrypoint /bin/sh python:3 -c "exec sleep 98765"'
    ),
    Line(
        "--cap-add=SYS_PTRACE --security-opt seccomp=unconfined -v ROOT/app:/app golang:1",
        (_CAPABILITY, "container.security_opt"),
        ('capabilities = ["SYS_PTRACE"]', 'security_options = ["seccomp=unconfined"]'),
    ),
    Line(
        "--cap-add=NET_ADMIN --sysctl net.ipv4.conf.all.src_valid_mark=1 -p 51820:51820/udp "
        "linuxserver/wireguard:1",
        (_CAPABILITY,),
        ('capabilities = ["NET_ADMIN"]',),
    ),
    # Nothing allows these.
    Line("--privileged docker:dind", ("container.privileged",)),
    Line(
        "--net=host --pid=host -v /:/host:ro,rslave quay.io/prometheus/node-exporter:1",
        ("container.network", "container.pid", "mount.propagation"),
    ),
    Line("-v /etc:/host-etc:ro nginx:1", ("mount.source",)),
)
