// docs:vite
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/socket.io": { target: process.env.SERVER ?? "http://localhost:3000", ws: true } } },
});
