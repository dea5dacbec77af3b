const GREETINGS = { en: 'Hello', de: 'Hallo', fr: 'Bonjour' };

export function greet(name, language) {
  if (language === 'de') {
    return 'Hallo, ' + name + '!';
  } else if (language === 'fr') {
    return 'Bonjour, ' + name + '!';
  } else {
    return 'Hello, ' + name + '!';
  }
}

export const languages = () => Object.keys(GREETINGS);
