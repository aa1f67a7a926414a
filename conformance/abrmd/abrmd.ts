import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach } from "vitest";
import { type Route, type Scenario, scenarios } from "../scenario.ts";

const environment = (_port: number, directory: string) => ({
  DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(directory, "bus")}`,
  TPM2TOOLS_TCTI: "tabrmd:bus_type=session",
  TPM2OPENSSL_TCTI: "tabrmd:bus_type=session",
  TSS2_LOG: "all+none",
});

const route: Route = { name: "over swtpm's protocol", protocol: "swtpm", environment };

const busConfiguration = (directory: string) => `<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=${join(directory, "bus")}</listen>
  <servicedir>${directory}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>`;

const service = (tcti: string) => `[D-BUS Service]
Name=com.intel.tss2.Tabrmd
Exec=/usr/sbin/tpm2-abrmd --session --allow-root --tcti=${tcti}
`;

/** The daemon owns its name on the bus a moment before it answers there. */
async function available(tpm: Scenario): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      await tpm.run("tpm2_getrandom 1");
      return;
    } catch (error) {
      if (attempt === 50) throw error;
    }
}

/**
 * Declares tests whose programs reach the TPM through tpm2-abrmd. Each test has a private message bus that starts
 * the daemon when the first program asks for it.
 */
export function withResourceManager(theme: string, body: (tpm: Scenario) => void): void {
  scenarios(
    theme,
    "tpm2-abrmd",
    [route],
    (tpm) => {
      let end = async () => {};
      beforeEach(async () => {
        tpm.write("bus.conf", busConfiguration(tpm.directory));
        tpm.write("com.intel.tss2.Tabrmd.service", service(`${tpm.protocol}:host=127.0.0.1,port=${tpm.port}`));
        const bus = spawn(
          "dbus-daemon",
          [`--config-file=${join(tpm.directory, "bus.conf")}`, "--nofork", "--print-address"],
          {
            stdio: ["ignore", "pipe", "ignore"],
          },
        );
        const exited = once(bus, "exit");
        end = async () => {
          bus.kill();
          await exited;
        };
        await once(createInterface(bus.stdout), "line");
        await available(tpm);
      });
      afterEach(() => end());
      body(tpm);
    },
    { keepObjects: true },
  );
}
