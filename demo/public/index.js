import { settings } from './approval.js';

document.querySelector('#issuer').textContent = (await settings()).issuer;
