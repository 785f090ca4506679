import { useState } from 'react';
import { Image } from 'lucide-react';
import { strings } from '../strings.ts';
import { pictureAddress } from './safe-address.ts';

/**
 * A picture from elsewhere is an address the model chose: loading it would tell that place about the reader.
 * The page's own policy forbids it as well, so the click opens it in a new tab.
 */
export function RemotePicture({ href, text }: { href: string; text: string }) {
  const [isBroken, setBroken] = useState(false);
  const picture = pictureAddress(href);
  if (!picture || isBroken) return <span className="picture-off">{text || strings.markdown.picture}</span>;
  if (!picture.isRemote)
    return <img src={picture.address} alt={text} loading="lazy" onError={() => setBroken(true)} />;
  const host = new URL(picture.address).host;
  return (
    <a className="picture-off" href={picture.address} target="_blank" rel="noopener noreferrer nofollow">
      <Image size={16} strokeWidth={1.75} aria-hidden />
      <span>{text || strings.markdown.picture}</span>
      <span className="soft small">{strings.markdown.openPictureFrom(host)}</span>
    </a>
  );
}
