// Runs beside node_modules that hold ai (Vercel's SDK), @ai-sdk/openai-compatible and OpenTelemetry's packages: the
// calls of drive.py, exported. `node drive_vercel.mjs OTLP_URL MODEL_URL`; record.py calls it. From version 7 on the
// SDK tells through @ai-sdk/otel, in OpenTelemetry's names.
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const here = createRequire(path.join(process.cwd(), "package.json"));
const load = (name) => import(pathToFileURL(here.resolve(name)));
const [otlp, model] = process.argv.slice(2);
const { generateText, streamText, embed, tool } = await load("ai");
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");
const { NodeTracerProvider, BatchSpanProcessor } = await load("@opentelemetry/sdk-trace-node");
const { OTLPTraceExporter } = await load("@opentelemetry/exporter-trace-otlp-proto");
const { resourceFromAttributes } = await load("@opentelemetry/resources");
const { z } = await load("zod");

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({
    "service.name": "shop-assistant",
    "service.version": "r8",
    "deployment.environment.name": "staging",
  }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${otlp}/v1/traces` }))],
});
provider.register();
try {
  const { OpenTelemetry } = await load("@ai-sdk/otel");
  (await load("ai")).registerTelemetry(new OpenTelemetry());
} catch (error) {
  if (error.code !== "MODULE_NOT_FOUND") throw error;
}
const openai = createOpenAICompatible({ name: "openai", baseURL: model, apiKey: "none", includeUsage: true });
const asked = {
  system: "You answer questions about the handbook.",
  messages: [{ role: "user", content: "Can I carry my leave over?" }],
  maxRetries: 0,
  telemetry: { functionId: "handbook" },
  experimental_telemetry: { isEnabled: true, functionId: "handbook", metadata: { userId: "u-1", sessionId: "s-1" } },
};
await generateText({ ...asked, model: openai("gpt-5-mini"), temperature: 0.2 });
const streamed = streamText({ ...asked, model: openai("gpt-5-mini") });
for await (const _ of streamed.textStream);
await generateText({
  ...asked,
  model: openai("gpt-5-mini"),
  tools: { look_up: tool({ description: "looks it up", inputSchema: z.object({ topic: z.string() }) }) },
});
await generateText({ ...asked, model: openai("refused") }).catch(() => undefined);
await embed({ model: openai.textEmbeddingModel("embed-small"), value: "leave", experimental_telemetry: { isEnabled: true } });
await provider.forceFlush();
await provider.shutdown();
