"""
Compose files of common stacks, with small images in place of the real ones.
"""

from __future__ import annotations

#: A web server with a database, a cache and a worker.
WEB = """
x-log: &log
  driver: json-file
  options: {max-size: 1m, max-file: "3"}

services:
  db:
    image: alpine:3.20
    command: ["sh", "-c", "echo row >/data/ready; exec httpd -f -p 5432 -h /data"]
    stop_signal: SIGKILL
    environment:
      PASSWORD_FILE: /run/secrets/password
    secrets: [password]
    volumes:
      - data:/data
      - type: tmpfs
        target: /scratch
        tmpfs: {size: 65536}
    healthcheck:
      test: ["CMD", "test", "-e", "/data/ready"]
      interval: 200ms
      timeout: 5s
      retries: 50
    networks:
      back:
        aliases: [database]
    shm_size: 128m
    logging: *log
  cache:
    image: busybox
    command: ["sh", "-c", "echo cached >/tmp/key; exec httpd -f -p 6379 -h /tmp"]
    stop_signal: SIGKILL
    tmpfs: [/run, "/tmp:mode=1777,size=64k"]
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    networks: [back]
    ulimits:
      nofile: {soft: 512, hard: 1024}
    sysctls:
      net.core.somaxconn: 511
  web:
    image: busybox
    init: true
    command: ["sh", "-c", "echo started; exec httpd -f -p 8080 -h /srv"]
    working_dir: /srv
    env_file: [web.env]
    environment:
      MODE: test
    depends_on:
      db: {condition: service_healthy}
      cache: {condition: service_started}
    configs:
      - source: page
        target: /srv/page
    volumes:
      - ./site:/srv/site:ro
      - type: bind
        source: ./out
        target: /out
    ports: ["8080"]
    expose: ["9090"]
    networks: [front, back]
    restart: unless-stopped
    extra_hosts: ["elsewhere:10.0.0.9"]
    labels:
      com.example.role: web
    deploy:
      resources:
        limits: {memory: 64M, cpus: "0.5", pids: 50}
    logging: *log
  worker:
    extends: {file: base.yaml, service: base}
    command: ["sh", "-c", "wget -qO- database:5432/ready cache:6379/key; cat /run/secrets/password"]
    depends_on:
      db: {condition: service_healthy}
    secrets: [password]
    networks: [back]
  tool:
    image: busybox
    profiles: [tools]
    command: ["wget", "-qO-", "http://web:8080/site/index.html"]
    networks: [front]

networks:
  front: {}
  back:
    internal: true

volumes:
  data:
    labels: {com.example.keep: "no"}

secrets:
  password: {file: ./password.txt}

configs:
  page: {file: ./page.txt}
"""

#: What the worker extends.
BASE = """
services:
  base:
    image: busybox
    environment: {FROM_BASE: "yes"}
    labels: {com.example.base: "yes"}
    stop_grace_period: 1s
    group_add: ["1000"]
    hostname: worker
    dns_search: [example.org]
"""

#: A service that is built.
BUILT = """
services:
  app:
    build:
      context: ./app
      args: {GREETING: hello}
      labels: {com.example.built: "yes"}
    image: app:test
    command: ["cat", "/greeting"]
    network_mode: none
"""

DOCKERFILE = """
FROM busybox
ARG GREETING
RUN echo "$GREETING" > /greeting
"""
