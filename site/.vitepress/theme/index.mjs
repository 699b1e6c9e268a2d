import theme from "vitepress/theme-without-fonts"; // those of the reader's system
import "./style.css";

export default theme;
