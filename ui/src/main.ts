/** Installs the host of this build and shows the window. */
import { host } from '#host';
import { mount } from 'svelte';
import App from './app.svelte';
import { language } from './messages/text';
import './theme.css';

document.documentElement.lang = language.lang;
document.documentElement.dir = language.dir;

const target = document.querySelector('#app');
if (target !== null) mount(App, { target, props: { host } });
