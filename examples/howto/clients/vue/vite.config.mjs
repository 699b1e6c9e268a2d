// docs:vite-vue
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue()],
  server: { proxy: { "/socket.io": { target: process.env.SERVER ?? "http://localhost:3000", ws: true } } },
});
