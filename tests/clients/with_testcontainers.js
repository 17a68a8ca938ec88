// A program that uses Testcontainers: it makes a network and containers, tells what it saw, and
// is then killed, so that only Ryuk can clean up.

"use strict";

const { GenericContainer, Network, Wait } = require("testcontainers");

async function text(stream) {
  let whole = "";
  for await (const piece of stream) whole += piece;
  return whole;
}

async function main() {
  const network = await new Network().start();
  const web = await new GenericContainer("busybox")
    .withCommand(["sh", "-c", 'echo "$GREETING"; exec httpd -f -p 8000 -h /www'])
    .withEnvironment({ GREETING: "ready" })
    .withExposedPorts(8000)
    .withNetwork(network)
    .withNetworkAliases("web")
    .withCopyContentToContainer([{ content: "hello", target: "/www/index.html" }])
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
  const page = await fetch(`http://${web.getHost()}:${web.getMappedPort(8000)}/`);
  const visitor = await new GenericContainer("busybox")
    .withCommand(["sh", "-c", "wget -q -O - http://web:8000/; echo; id -u"])
    .withNetwork(network)
    .withUser("1000")
    .withWaitStrategy(Wait.forOneShotStartup())
    .start();
  const executed = await web.exec(["cat", "/www/index.html"]);
  const archive = await web.copyArchiveFromContainer("/www/index.html");
  const logs = await visitor.logs();
  const brief = await new GenericContainer("busybox")
    .withCommand(["sleep", "60"])
    .withHealthCheck({ test: ["CMD", "true"], interval: 1000 })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  const labels = Object.keys(brief.getLabels()).filter((each) => !each.startsWith("com.dss."));
  await brief.stop();
  const seen = {
    page: await page.text(),
    visitor: await text(logs),
    exec: [executed.exitCode, executed.output],
    copied: (await text(archive)).includes("hello"),
    labels: labels.sort(),
  };
  const session = web.getLabels()["org.testcontainers.session-id"];
  console.log(JSON.stringify({ session, seen }));
  process.stdin.resume();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
